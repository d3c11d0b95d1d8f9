"""How far a run has come: read back from the target's end (decision 11)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from streams.connecting import connection
from streams.consuming import POLL_MS
from streams.replay.origin import Origin, origin_of
from streams.replay.target import Target

FIRST_CHUNK = 2_000
LARGEST_CHUNK = 200_000
CLOCKS_MS = 3_600_000
"""How far the broker's clock, which may stamp records, can be behind the run's."""


@dataclass
class Progress:
    """What of a run is on the target. ``started`` (Unix ms) is when the run first started.

    ``last`` holds, by source partition and target partition, the last source offset there.
    """

    started: int | None = None
    last: dict[tuple[int, int], int] = field(default_factory=dict)

    def note(self, origin: Origin, partition: int) -> None:
        """Takes the header of a record on this partition of the target."""
        place = origin.partition, partition
        self.last[place] = max(origin.offset, self.last.get(place, -1))
        self.started = origin.started

    def reached(self, source: int, partition: int, *, by_key: bool) -> int:
        """The last offset of the source partition that was sent, -1: none.

        By key, of those that go to this partition of the target: each pair has its own order.
        """
        if by_key:
            return self.last.get((source, partition), -1)
        return max(
            (last for (number, _), last in self.last.items() if number == source), default=-1
        )


Expected = Callable[[int], Collection[int]]


@dataclass(frozen=True)
class Tail:
    """Where to look: for this run of this source topic, on this target.

    Each partition is read back from its end until every source partition that ``expected`` gives
    for it is found, or to where the run started: by the records' times when they are the run's
    own (``timed``), otherwise to the beginning.
    """

    target: Target
    run: str
    topic: str
    expected: Expected
    timed: bool

    async def read(self, started: int | None) -> Progress:
        """What is there. ``started`` is when the run started, if that is known.

        Records of others may lie between the run's: they are passed over.
        """
        progress = Progress(started)
        consumer = AIOKafkaConsumer(
            **connection(self.target.kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=1024 * 1024,
        )
        await consumer.start()
        try:
            for number in self.target.partitions:
                await self._read_back(consumer, number, progress)
        finally:
            await consumer.stop()
        return progress

    async def _read_back(self, consumer: AIOKafkaConsumer, number: int, progress: Progress) -> None:
        where = TopicPartition(self.target.topic, number)
        consumer.assign([where])
        high = (await consumer.end_offsets([where]))[where]
        low = await self._lowest(consumer, where, progress.started)
        size = FIRST_CHUNK
        while high > low and not self._complete(number, progress):
            known = progress.started is not None
            start = max(low, high - size)
            await self._read_chunk(consumer, where, (start, high), progress)
            if not known and progress.started is not None:
                low = await self._lowest(consumer, where, progress.started)
            high, size = start, min(2 * size, LARGEST_CHUNK)

    def _complete(self, number: int, progress: Progress) -> bool:
        return all((source, number) in progress.last for source in self.expected(number))

    async def _lowest(
        self, consumer: AIOKafkaConsumer, where: TopicPartition, started: int | None
    ) -> int:
        """Nothing of the run is before it."""
        if not self.timed or started is None:
            return int((await consumer.beginning_offsets([where]))[where])
        at = max(0, started - CLOCKS_MS)
        found = (await consumer.offsets_for_times({where: at}))[where]
        # Without any record so new, the run has none.
        return int(found.offset if found else (await consumer.end_offsets([where]))[where])

    async def _read_chunk(
        self,
        consumer: AIOKafkaConsumer,
        where: TopicPartition,
        span: tuple[int, int],
        progress: Progress,
    ) -> None:
        start, end = span
        consumer.seek(where, start)
        while await consumer.position(where) < end:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    if record.offset >= end:
                        return
                    origin = origin_of(record.headers)
                    if origin and (origin.run, origin.topic) == (self.run, self.topic):
                        progress.note(origin, where.partition)
