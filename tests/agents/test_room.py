"""Who works on a full disk waits, tells it once, and goes on."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

import pytest

from agents.room import Room
from streams.archive.store import ArchiveError


def failing(times: int, number: int) -> tuple[Callable[[], None], list[int]]:
    """Work that fails so often with this error, and its calls."""
    calls: list[int] = []

    def work() -> None:
        calls.append(len(calls))
        if len(calls) <= times:
            raise ArchiveError("part-1: can't be written") from OSError(number, "for a reason")

    return work, calls


async def test_it_is_done_in_the_end_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    work, calls = failing(5, errno.ENOSPC)
    with caplog.at_level(logging.WARNING):
        await Room(retry_s=0.001).run(work)
    assert len(calls) == 6
    told = [entry.message for entry in caplog.records]
    assert len(told) == 2
    assert (
        told[0] == "waits for room; the broker keeps what isn't archived: part-1: can't be written"
    )
    assert told[1].startswith("there is room again")


async def test_it_is_told_again_after_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    ticks = iter(range(0, 1000, 40))
    work, _ = failing(5, errno.EDQUOT)
    with caplog.at_level(logging.ERROR):
        await Room(clock=lambda: float(next(ticks)), retry_s=0.001).run(work)
    assert len(caplog.records) == 3, "at 0, 80 and 160 s"


async def test_any_other_error_is_the_callers() -> None:
    work, calls = failing(1, errno.EIO)
    with pytest.raises(ArchiveError):
        await Room(retry_s=0.001).run(work)
    assert len(calls) == 1
