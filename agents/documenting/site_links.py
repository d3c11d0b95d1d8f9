"""A hook of mkdocs: links from a page to a file of the repository that isn't a page.

In the repository such a link opens the file. On the site it goes to ``$ZETA_SOURCE_URL`` (the
repository's pages, such as https://example.org/zeta/blob/main) and, where that isn't set, is the
file's name as it stands. A link to what isn't there is a warning: an error with ``--strict``.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#|//)([^)#\s]+)(#[^)\s]*)?\)")
logger = logging.getLogger("mkdocs.hooks.site_links")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Called by mkdocs for each page, with its text."""
    docs = Path(config["docs_dir"])
    folder = docs / Path(page.file.src_uri).parent
    source = os.environ.get("ZETA_SOURCE_URL", "").rstrip("/")
    return _LINK.sub(lambda link: rewritten(link, folder, docs, source), markdown)


def rewritten(link: re.Match[str], folder: Path, docs: Path, source: str) -> str:
    """One link as it is on the site; ``folder`` is the page's, ``docs`` the root of all pages."""
    target = Path(os.path.normpath(folder / link[2]))
    if target.is_relative_to(docs):
        return link[0]
    path = target.relative_to(docs.parent).as_posix()
    if not target.exists():
        logger.warning("%s links to %s, which does not exist", folder, path)
    if source:
        return f"[{link[1]}]({source}/{path}{link[3] or ''})"
    words = link[1].strip("`")
    return f"`{path}`" if words in path else f"{link[1]} (`{path}`)"
