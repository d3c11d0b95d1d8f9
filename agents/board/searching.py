"""Reads records of the topics by place, or by key among so many of them, until a deadline.

Kafka has no index by key: what isn't at a known place is searched for, and no further than that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from agents.board.decisions import Spot
from schemas.wire import Event, WireError, decode
from streams.clock import loop_s
from streams.connecting import connection
from streams.consuming import POLL_MS, Record
from streams.settings import Kafka
from streams.tables import partitions_of

MOST_SEARCHED = 20_000
"""Records of each partition, the newest ones, or from a known time on."""
WITHIN_S = 6.0
FETCH_WAIT_MS = 20
"""Nobody waits for new records here, but a fetch beyond the last one would."""
MARGIN_MS = 5_000
"""Clocks of several machines may differ."""

E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Near:
    """Search from this time on (Unix ms), or among the newest where it is None."""

    at: int | None = None


class Search:
    """One look at the topics, which ends at a deadline; ``cut`` says that it ended one."""

    def __init__(self, kafka: Kafka, consumer: AIOKafkaConsumer, deadline_s: float) -> None:
        self._kafka = kafka
        self._consumer = consumer
        self._deadline_s = deadline_s
        self.cut = False

    async def at(self, spot: Spot, kind: type[E]) -> E | None:
        """The event at a place; None: retention has taken it."""
        partition = TopicPartition(self._kafka.prefix + spot.topic, spot.partition)
        if partition not in await partitions_of(self._kafka, partition.topic):
            return None
        try:
            rows = await self._read({partition: (spot.offset, spot.offset + 1)}, None)
        except OffsetOutOfRangeError:
            return None
        events = [decoded(kind, record) for record in rows if record.offset == spot.offset]
        return next((event for event in events if event is not None), None)

    async def by_key(self, topic: str, key: str, near: Near = Near()) -> list[Record]:
        """The records of a topic with this key, within the bounds of a search, oldest first."""
        partitions = await partitions_of(self._kafka, self._kafka.prefix + topic)
        return await self._read(await self._spans(partitions, near), key.encode())

    async def events(
        self,
        topic: str,
        key: str,
        kind: type[E],
        near: Near = Near(),
    ) -> list[E]:
        """``by_key``, decoded; what isn't such an event is left out."""
        found = [decoded(kind, record) for record in await self.by_key(topic, key, near)]
        return [event for event in found if event is not None]

    async def _spans(
        self, partitions: Sequence[TopicPartition], near: Near
    ) -> dict[TopicPartition, tuple[int, int]]:
        consumer = self._consumer
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        firsts = await consumer.beginning_offsets(partitions)
        if near.at is None:
            return {tp: (max(firsts[tp], ends[tp] - MOST_SEARCHED), ends[tp]) for tp in partitions}
        since = max(0, near.at - MARGIN_MS)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, since))
        starts = {tp: found[tp].offset for tp in partitions if found[tp] is not None}
        return {tp: (at, min(ends[tp], at + MOST_SEARCHED)) for tp, at in starts.items()}

    async def _read(
        self, spans: dict[TopicPartition, tuple[int, int]], key: bytes | None
    ) -> list[Record]:
        """The records in these spans, with this key or any."""
        consumer = self._consumer
        spans = {tp: span for tp, span in spans.items() if span[0] < span[1]}
        found: list[Record] = []
        if not spans:
            return found
        consumer.assign(list(spans))
        for tp, (start, _) in spans.items():
            consumer.seek(tp, start)
        waiting = dict(spans)
        while waiting:
            if loop_s() >= self._deadline_s:
                self.cut = True
                break
            fetched = await consumer.getmany(*waiting, timeout_ms=POLL_MS)
            for tp, records in fetched.items():
                end = spans[tp][1]
                found += (r for r in records if r.offset < end and key in (None, r.key))
            for tp in list(waiting):
                if await consumer.position(tp) >= spans[tp][1]:
                    del waiting[tp]
        return sorted(found, key=lambda record: record.timestamp)


def decoded(kind: type[E], record: Record) -> E | None:
    """The event in a record; None: it is no such event."""
    try:
        return decode(kind, record.value)
    except WireError:
        return None


@asynccontextmanager
async def searching(kafka: Kafka) -> AsyncIterator[Search]:
    """A search, with a consumer of its own."""
    consumer = AIOKafkaConsumer(
        **connection(kafka),
        client_id=f"{kafka.prefix}dashboard-search",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=1024 * 1024,
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    deadline_s = loop_s() + WITHIN_S
    await consumer.start()
    try:
        yield Search(kafka, consumer, deadline_s)
    finally:
        await consumer.stop()
