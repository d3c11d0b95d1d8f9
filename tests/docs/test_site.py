"""The site builds without a warning, asks nobody else for anything, and its pages are current."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agents.documenting.pages import outdated
from agents.documenting.settings_page import comments
from agents.documenting.site_links import _LINK, rewritten
from tests.docs.blocks import ROOT

DOCS = ROOT / "docs"


def test_the_generated_pages_are_the_codes() -> None:
    old = outdated(DOCS / "reference")
    assert not old, f"{', '.join(old)}: run scripts/docs, or python -m agents.documenting"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "https_proxy": "http://127.0.0.1:9",  # whoever asks the network fails
        "NO_MKDOCS_2_WARNING": "1",
    }
    environment.pop("ZETA_SOURCE_URL", None)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr[-4000:]
    assert "WARNING" not in done.stderr
    return target


def test_every_page_is_there(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).exists()
    assert (site / "schemas" / "asyncapi.json").exists()


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    loads = (
        r"<(?:script|img|iframe|source)[^>]+src=\"?(https?:|//)|<link[^>]+href=\"?(?:https?:|//)"
    )
    for page in site.rglob("*.html"):
        assert not re.search(loads, page.read_text()), page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()[\"' ]*(https?:|//)", sheet.read_text()), sheet.name


def test_a_link_out_of_the_pages_is_rewritten(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "router.py").touch()
    (docs / "reference").mkdir(parents=True)

    def seen(text: str, source: str = "") -> str:
        return _LINK.sub(lambda link: rewritten(link, docs / "reference", docs, source), text)

    assert seen("[the router](../../agents/router.py)") == "the router (`agents/router.py`)"
    assert seen("[agents/router.py](../../agents/router.py)") == "`agents/router.py`"
    link = seen("[r](../../agents/router.py#L1)", "https://x/blob")
    assert link == "[r](https://x/blob/agents/router.py#L1)"
    for same in ("[a](../wire.md)", "[a](https://x.org/y)", "![a](../../x.png)", "[a](#b)"):
        assert seen(same) == same


def test_a_link_to_nothing_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    docs = tmp_path / "docs"
    _LINK.sub(lambda link: rewritten(link, docs, docs, ""), "[x](../gone.py)")
    assert "gone.py, which does not exist" in caplog.text


def test_comments_of_the_settings_file() -> None:
    text = (
        "[kafka]\nbootstrap = 'x'   # host:port\n# partitions = 4  # of each,\n"
        "#                # and more\n\n[models.a]\nsize = '7B' # only shown\n"
    )
    assert comments(text) == {
        ("kafka", "bootstrap"): "host:port",
        ("kafka", "partitions"): "of each, and more",
        ("models", "size"): "only shown",
    }
