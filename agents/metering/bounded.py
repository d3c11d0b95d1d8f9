"""Label values from records, kept to the few that the settings name."""

from __future__ import annotations

from collections.abc import Container

OTHER = "other"
"""Whatever the settings don't name: records may name anything, and each name would be kept."""


def bounded(name: str | None, known: Container[str]) -> str:
    """The name, if it is known."""
    return name if name is not None and name in known else OTHER
