"""The replay itself: read, select, wait, send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec

from streams.archive.redaction import is_redacted
from streams.history import Log, LoggedRecord
from streams.replay.filtering import Matches
from streams.replay.merging import merged
from streams.replay.origin import Origin, origin_of, stamped
from streams.replay.pacing import AtOnce, Pace
from streams.replay.ranges import Range
from streams.replay.sending import Sender
from streams.replay.tail import Progress
from streams.replay.target import Target

SHORTEST_WAIT_S = 0.005
TOLD_EVERY = 500


class Part(msgspec.Struct, kw_only=True):
    """What became of one source partition's offsets ``start`` to before ``end``.

    All before ``resumed_at`` was sent by an earlier start, and is not read. ``redacted`` records
    have no value any more, and are passed over. ``matched`` records passed the filter;
    ``already`` of them were on the target before. The others were sent, or would be: ``records``,
    with ``bytes`` of keys and values, between ``first_at`` and ``last_at`` (the smallest and the
    largest timestamp, Unix ms).
    """

    partition: int
    start: int
    end: int
    resumed_at: int = 0
    read: int = 0
    redacted: int = 0
    matched: int = 0
    already: int = 0
    records: int = 0
    bytes: int = 0
    first_at: int | None = None
    last_at: int | None = None

    def count(self, record: LoggedRecord) -> None:
        """Counts a record that is sent."""
        self.records += 1
        self.bytes += len(record.key or b"") + len(record.value or b"")
        at = record.timestamp
        self.first_at = at if self.first_at is None else min(self.first_at, at)
        self.last_at = at if self.last_at is None else max(self.last_at, at)


@dataclass(frozen=True)
class Clock:
    """``now`` is in Unix ms, ``elapsed`` in seconds since any instant; ``sleep`` takes seconds."""

    now: Callable[[], int]
    elapsed: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


@dataclass
class Replay:
    """One run: ``ranges`` of ``topic`` in ``log`` go to ``target`` by ``sender``.

    Records of one source partition keep their order; unless ``by_key`` they go to one target
    partition. Between source partitions the oldest record goes first. Key, value and headers stay
    as they are, but for the one header. What ``sent`` has is passed over. A record is stamped
    with the present, or keeps its timestamp with ``keep_timestamps``. ``onto_itself``: the target
    is the source; what this very run has sent there is not taken for what it should send.
    """

    log: Log
    topic: str
    ranges: Sequence[Range]
    target: Target
    sender: Sender
    run: str
    started: int
    sent: Progress
    clock: Clock
    pace: Pace = field(default_factory=AtOnce)
    matches: Matches | None = None
    by_key: bool = False
    keep_timestamps: bool = False
    onto_itself: bool = False
    progress: Callable[[int], object] = lambda _: None

    def __post_init__(self) -> None:
        self.parts = {
            one.partition: Part(partition=one.partition, start=one.start, end=one.end)
            for one in self.ranges
        }
        self._began_s: float | None = None

    async def play(self) -> list[Part]:
        """Sends everything, and returns when all in-sync replicas have it.

        Raises:
            ReplayError: the target didn't take a record; the run can be gone on with.
            KafkaError: reading failed.
        """
        left = 0
        async with aclosing(merged(self.log, self.topic, self._missing())) as runs:
            async for partition, records in runs:
                part = self.parts[partition]
                for record in records:
                    await self._take(part, record)
                left += len(records)
                if left >= TOLD_EVERY:
                    self.progress(left)
                    left = 0
        await self.sender.flush()
        self.progress(left)
        return [self.parts[one.partition] for one in self.ranges]

    def _missing(self) -> list[Range]:
        """The ranges without what was sent; by key, that is known of each record only."""
        found = []
        for one in self.ranges:
            reached = -1 if self.by_key else self.sent.reached(one.partition, -1, by_key=False)
            start = min(max(one.start, reached + 1), one.end)
            self.parts[one.partition].resumed_at = start
            self.progress(start - one.start)
            found.append(Range(one.partition, start, one.end))
        return found

    async def _take(self, part: Part, record: LoggedRecord) -> None:
        part.read += 1
        if is_redacted(record):
            part.redacted += 1
            return
        if not self._wanted(record):
            return
        part.matched += 1
        partition = self.target.partition_for(part.partition, record.key, by_key=self.by_key)
        if record.offset <= self.sent.reached(part.partition, partition, by_key=self.by_key):
            part.already += 1
            return
        await self._wait(record.timestamp)
        part.count(record)
        # Never before the start, which is where a resuming run begins to look.
        timestamp = (
            record.timestamp if self.keep_timestamps else max(self.clock.now(), self.started)
        )
        await self.sender.add(partition, record, timestamp, self._headers(part, record))

    def _wanted(self, record: LoggedRecord) -> bool:
        if self.onto_itself and record.headers:
            origin = origin_of(record.headers)
            if origin is not None and origin.run == self.run:
                return False
        return self.matches is None or self.matches(record.value)

    async def _wait(self, timestamp: int) -> None:
        due_s = self.pace.due_s(timestamp)
        if due_s <= 0.0 and self._began_s is not None:
            return
        now_s = self.clock.elapsed()
        if self._began_s is None:
            self._began_s = now_s - due_s
        wait_s = self._began_s + due_s - now_s
        if wait_s > SHORTEST_WAIT_S:
            await self.sender.submit()
            await self.clock.sleep(wait_s)

    def _headers(self, part: Part, record: LoggedRecord) -> list[tuple[str, bytes | None]]:
        origin = Origin(
            run=self.run,
            topic=self.topic,
            partition=part.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            started=self.started,
        )
        return stamped(record.headers, origin)
