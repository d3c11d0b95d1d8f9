"""Which offsets of which partitions are replayed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from streams.history import Log
from streams.replay.bounds import Ago, AtOffset, Bound
from streams.replay.problem import ReplayError, ReplayUsageError


@runtime_checkable
class TimedLog(Protocol):
    """A ``Log`` that finds an instant without reading all that is before it."""

    async def first_at(self, topic: str, partition: int, at: int) -> int:
        """The offset of the first record whose timestamp is ``at`` (Unix ms) or later, else end."""
        ...


@dataclass(frozen=True)
class Range:
    """The offsets of one partition from ``start`` to before ``end``."""

    partition: int
    start: int
    end: int


@dataclass(frozen=True)
class Selection:
    """What was asked for; without bounds all that is there, without partitions all of them."""

    topic: str
    partitions: Sequence[int] = ()
    since: Bound | None = None
    until: Bound | None = None


async def ranges(log: Log, selection: Selection, started: int) -> list[Range]:
    """The selection, cut to what survives; ``Ago`` counts from ``started`` (Unix ms).

    A range is contiguous: by time, it begins with the first record that is at the instant or
    later, and ends before the first record that is at the other instant or later. So two ranges
    that meet hold each record once, whatever the order of the timestamps.

    Raises:
        ReplayUsageError: there is no such partition.
        ReplayError: nothing is in the range.
    """
    there = log.partitions(selection.topic)
    for number in selection.partitions:
        if number not in there:
            known = ", ".join(map(str, there)) or "none"
            raise ReplayUsageError(
                f"--partition {number}: {selection.topic} has no such partition; it has {known}"
            )
    found = [
        await _range(log, selection, number, started)
        for number in sorted(set(selection.partitions or there))
    ]
    if all(one.start >= one.end for one in found):
        raise ReplayError(_nothing(log, selection))
    return found


async def _range(log: Log, selection: Selection, number: int, started: int) -> Range:
    topic = selection.topic
    beginning, end = log.beginning(topic, number), log.end(topic, number)
    first, last = beginning, end
    if selection.since is not None:
        first = await _offset(log, topic, number, selection.since, started)
    if selection.until is not None:
        last = await _offset(log, topic, number, selection.until, started)
    first = max(first, beginning)
    return Range(number, first, max(min(last, end), first))


async def _offset(log: Log, topic: str, number: int, bound: Bound, started: int) -> int:
    if isinstance(bound, AtOffset):
        return bound.offset
    at = started - bound.before_ms if isinstance(bound, Ago) else bound.at
    if isinstance(log, TimedLog):
        return await cast(TimedLog, log).first_at(topic, number, at)
    async with aclosing(log.read(topic, number)) as batches:  # type: ignore[type-var]
        async for records in batches:
            for record in records:
                if record.timestamp >= at:
                    return record.offset
    return log.end(topic, number)


def _nothing(log: Log, selection: Selection) -> str:
    topic = selection.topic
    held = "; ".join(
        f"partition {number} holds offsets {log.beginning(topic, number)} to before "
        f"{log.end(topic, number)}"
        for number in selection.partitions or log.partitions(topic)
    )
    return f"nothing to replay: no record of {topic} is between --from and --until ({held})"
