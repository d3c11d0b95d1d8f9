"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One sentence about one thing, and what to do where it isn't well.

    ``warn``: something won't work or isn't known, and the rest does; ``fail``: mend it first.
    """

    area: str
    state: State
    says: str
    do: str = ""


def ok(area: str, says: str) -> Finding:
    """All is well."""
    return Finding(area, "ok", says)


def warn(area: str, says: str, do: str) -> Finding:
    """It isn't well, and the rest works."""
    return Finding(area, "warn", says, do)


def fail(area: str, says: str, do: str) -> Finding:
    """It is to be mended."""
    return Finding(area, "fail", says, do)
