"""Which generated pages there are, and whether those in a directory are the code's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agents.documenting.commands_page import commands_page
from agents.documenting.events_page import events_page
from agents.documenting.metrics_page import metrics_page
from agents.documenting.settings_page import settings_page
from agents.documenting.topics_page import topics_page

ROOT = Path(__file__).parents[2]


def pages() -> Mapping[str, str]:
    """Every page's text, by its file's name."""
    return {
        "settings.md": settings_page((ROOT / "zeta.toml").read_text("utf-8")),
        "topics.md": topics_page(),
        "events.md": events_page(),
        "commands.md": commands_page(),
        "metrics.md": metrics_page(),
    }


def write_pages(directory: Path) -> None:
    """Writes them.

    Raises:
        OSError: they can't be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, "utf-8")


def outdated(directory: Path) -> list[str]:
    """The pages that aren't what the code says, or of which it knows nothing."""
    wanted = pages()
    there = {path.name: path.read_text("utf-8") for path in directory.glob("*.md")}
    return sorted(
        name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)
    )
