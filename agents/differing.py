"""Where a rebuild and the log part: one difference, named down to the field. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.wire import Event


class FieldDifference(msgspec.Struct, frozen=True):
    """One field (a path with dots): what the log says, and what was rebuilt; None: not there."""

    field: str
    logged: Any
    rebuilt: Any


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A record of ``topic`` at ``offset`` that its inputs don't lead to, or that is missing.

    A rule has a ``version``; a part of a window has a ``partition`` and the window's bounds.
    """

    topic: str
    offset: int | None
    problem: str
    task: str | None = None
    version: int | None = None
    partition: int | None = None
    window_start_at: int | None = None
    window_end_at: int | None = None
    fields: list[FieldDifference] = msgspec.field(default_factory=list)


class EndedError(Exception):
    """The log ends before what its records rest on; the message says where. No difference."""


class DiffersError(Exception):
    """The log isn't what its inputs lead to."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.problem)
        self.difference = difference


def field_differences(logged: Event, rebuilt: Event) -> list[FieldDifference]:
    """Each field that differs, in the order of the schema."""
    plain = (msgspec.to_builtins(event, str_keys=True) for event in (logged, rebuilt))
    return list(_walk("", *plain))


def _walk(path: str, logged: Any, rebuilt: Any) -> Iterator[FieldDifference]:
    if isinstance(logged, dict) and isinstance(rebuilt, dict):
        for name in [*logged, *(name for name in rebuilt if name not in logged)]:
            inner = f"{path}.{name}" if path else str(name)
            yield from _walk(inner, logged.get(name), rebuilt.get(name))
    elif logged != rebuilt:
        yield FieldDifference(path, logged, rebuilt)
