"""Reads many topics without a group, from a bounded past on, and hands over what they carry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from schemas.wire import Event, WireError, decode
from streams.clock import NowMs
from streams.connecting import connection
from streams.consuming import POLL_MS, Record
from streams.replay.origin import replayed_by
from streams.settings import Kafka
from streams.tables import Reader, partitions_of
from streams.topics import event_types

AT_ONCE = 500

Put = Callable[[str, Event, Record], None]


@dataclass(frozen=True)
class Past:
    """How far back a topic is read: neither longer ago than ``since_s``, nor more than ``most``
    records of a partition; None: no such bound. ``replayed``: those of ``zeta replay`` as well.
    """

    since_s: float | None = None
    most: int | None = None
    replayed: bool = False


class Follower(Reader):
    """Reads each topic from its bounded past to its end, and on as it grows.

    Records that don't decode are counted and passed over.

    Args:
        pasts: by topic, without the prefix.
        put: gets topic, event and record, in offset order per partition.
        unreadable: called for each record that is no event of its topic.

    Raises:
        TopicMissingError: at start, when a topic isn't there.
    """

    def __init__(
        self,
        kafka: Kafka,
        pasts: Mapping[str, Past],
        put: Put,
        unreadable: Callable[[], None],
        now_ms: NowMs,
    ) -> None:
        super().__init__()
        self._kafka = kafka
        self._pasts = pasts
        self._put = put
        self._unreadable = unreadable
        self._now_ms = now_ms
        self._behind: dict[TopicPartition, int] = {}

    def unready(self) -> str | None:
        """Why what was handed over isn't the present yet; None: it is."""
        if self._consumer is None or self._behind:
            return "the topics' past is still being read"
        return None

    async def on_start(self) -> None:
        kafka = self._kafka
        named = {topic: await partitions_of(kafka, kafka.prefix + topic) for topic in self._pasts}
        self._consumer = consumer = AIOKafkaConsumer(
            **connection(kafka),
            client_id=f"{kafka.prefix}dashboard",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=1024 * 1024,
        )
        await consumer.start()
        everything = [partition for partitions in named.values() for partition in partitions]
        consumer.assign(everything)
        ends = await consumer.end_offsets(everything)
        starts: dict[TopicPartition, int] = {}
        for topic, partitions in named.items():
            starts |= await self._starts(consumer, self._pasts[topic], partitions, ends)
        for partition, offset in starts.items():
            consumer.seek(partition, offset)
        self._behind = {tp: ends[tp] for tp in everything if starts[tp] < ends[tp]}

    async def _starts(
        self,
        consumer: AIOKafkaConsumer,
        past: Past,
        partitions: list[TopicPartition],
        ends: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, int]:
        starts: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
        if past.since_s is not None:
            since = max(0, self._now_ms() - round(past.since_s * 1000))
            found = await consumer.offsets_for_times(dict.fromkeys(partitions, since))
            for tp in partitions:
                starts[tp] = found[tp].offset if found[tp] is not None else ends[tp]
        if past.most is not None:
            starts = {tp: max(start, ends[tp] - past.most) for tp, start in starts.items()}
        return starts

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        try:
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=AT_ONCE)
        except OffsetOutOfRangeError as error:  # retention was faster
            await consumer.seek_to_beginning(*_partitions(error))
            return
        for partition, records in fetched.items():
            self._take_all(partition, records)
        await asyncio.sleep(0)  # the page's requests have their turn, too
        if self._behind:
            await self._look(consumer)

    def _take_all(self, partition: TopicPartition, records: list[Record]) -> None:
        topic = partition.topic.removeprefix(self._kafka.prefix)
        kinds: Any = event_types(topic) or ()
        kind = kinds[0] if len(kinds) == 1 else kinds[0] | kinds[1]
        for record in records:
            self._take(topic, kind, record)

    def _take(self, topic: str, kind: type[Event], record: Record) -> None:
        if record.value is None:
            return  # a tombstone
        if not self._pasts[topic].replayed and replayed_by(self._kafka, record.headers):
            return
        try:
            event = decode(kind, record.value)
        except WireError:
            self._unreadable()
            return
        self._put(topic, event, record)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        for partition, end in list(self._behind.items()):
            if await consumer.position(partition) >= end:
                del self._behind[partition]


def _partitions(error: OffsetOutOfRangeError) -> list[TopicPartition]:
    return list(error.args[0])
