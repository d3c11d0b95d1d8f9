"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

GENERATED = "<!-- Generated from the code by scripts/docs. Don't edit. -->\n"


def cell(text: str) -> str:
    """A text that stays in its table's cell."""
    return " ".join(text.replace("|", "\\|").split())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, ending in a line break."""
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def prose(docstring: str) -> str:
    """A docstring's text as Markdown: double backticks become single ones."""
    return re.sub(r"``(.+?)``", r"`\1`", docstring)


def code(text: str) -> str:
    """Inline code; nothing for an empty text."""
    return f"`{text}`" if text else ""


def page(title: str, *parts: str) -> str:
    """A whole page; parts are separated by empty lines."""
    return "\n".join([GENERATED, f"# {title}\n", *(f"{part.rstrip()}\n" for part in parts)])
