"""A run's name. One that is made here tells when the run started, which bounds its search."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from streams.replay.problem import ReplayUsageError

_ALLOWED = re.compile(r"[A-Za-z0-9._-]{1,100}")
_MADE = re.compile(r"([0-9]{8}T[0-9]{6})Z-[0-9a-f]{8}")
_FORM = "%Y%m%dT%H%M%S"


def new_run_id(now: int, random: int) -> str:
    """A name with the second of ``now`` (Unix ms) and 32 random bits."""
    second = datetime.fromtimestamp(now // 1000, UTC).strftime(_FORM)
    return f"{second}Z-{random & 0xFFFFFFFF:08x}"


def started_at(run: str) -> int | None:
    """When a run of this name started (Unix ms, down to the second); None: it doesn't tell."""
    made = _MADE.fullmatch(run)
    if made is None:
        return None
    try:
        second = datetime.strptime(made[1], _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(second.timestamp()) * 1000


def checked_run_id(run: str) -> str:
    """The same name.

    Raises:
        ReplayUsageError: it isn't one.
    """
    if not _ALLOWED.fullmatch(run):
        raise ReplayUsageError(
            f"--run-id {run!r}: use 1 to 100 letters, digits, dots, underscores and dashes"
        )
    return run
