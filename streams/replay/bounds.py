"""``--from`` and ``--until``: an offset, an instant, or so long before the run started."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from streams.replay.problem import ReplayUsageError

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_AGO = re.compile(r"-([0-9]{1,18}(?:\.[0-9]{1,18})?)(ms|s|m|h|d|w)")
_OFFSET = re.compile(r"offset:([0-9]{1,18})")
_NUMBER = re.compile(r"[0-9]{1,18}")

# March 1973. Whoever writes a smaller number means an offset, or seconds.
SMALLEST_MS = 100_000_000_000
LARGEST_MS = 100 * SMALLEST_MS


@dataclass(frozen=True)
class AtOffset:
    """An offset, the same one in every partition."""

    offset: int


@dataclass(frozen=True)
class AtInstant:
    """The first record with this timestamp (Unix ms) or a later one."""

    at: int


@dataclass(frozen=True)
class Ago:
    """As ``AtInstant``, so many ms before the run started."""

    before_ms: int


Bound: TypeAlias = AtOffset | AtInstant | Ago


def parse_bound(argument: str, text: str) -> Bound:
    """What ``argument`` (``--from``) was given.

    Raises:
        ReplayUsageError: it is none of the forms.
    """
    text = text.strip()
    if found := _OFFSET.fullmatch(text):
        return AtOffset(int(found[1]))
    if found := _AGO.fullmatch(text):
        return Ago(round(float(found[1]) * _UNITS_MS[found[2]]))
    if _NUMBER.fullmatch(text):
        return _milliseconds(argument, int(text))
    try:
        instant = datetime.fromisoformat(text)
        at = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return AtInstant(round(at.timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise ReplayUsageError(
            f"{argument} {text!r}: write offset:123, an instant such as 2026-11-01T10:00Z (UTC "
            "if it names no zone), Unix milliseconds, or -2h (units ms, s, m, h, d, w)"
        ) from error


def _milliseconds(argument: str, number: int) -> AtInstant:
    if not SMALLEST_MS <= number < LARGEST_MS:
        raise ReplayUsageError(
            f"{argument} {number}: is no time in Unix milliseconds; "
            f"write offset:{number} for an offset"
        )
    return AtInstant(number)
