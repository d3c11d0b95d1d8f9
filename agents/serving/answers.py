"""The gateway's way from Kafka: ``responses`` and ``chunks``, of which it takes what is its own.

Without a consumer group, from their ends at the start: each replica reads both topics whole. A
record that is for another reader is passed over by its header and its key, without being decoded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import TopicPartition
from mode import Service

from agents.serving.querying import ADDRESS
from agents.serving.waiting import Waiting
from schemas.chunk import Chunk
from schemas.response import Response
from schemas.wire import WireError, decode
from streams.connecting import connection
from streams.consuming import POLL_MS, Record
from streams.ends import Ends
from streams.settings import Kafka
from streams.tables import partitions_of

TOPICS = ("responses", "chunks")
STOP_S = 5.0
SILENT_S = 6.0
MOST_BEHIND = 1000
"""Records on their way; who is further behind answers late, and isn't ready."""


class Answers(Service):
    """Hands answers and pieces to those that wait for them.

    Args:
        kafka: the broker.
        address: this process's ``reply_to``.
        waiting: who waits.

    Raises:
        TopicMissingError: at the start, a topic isn't there.
    """

    def __init__(self, kafka: Kafka, address: str, waiting: Waiting) -> None:
        super().__init__()
        self._kafka = kafka
        self._address = address.encode()
        self._waiting = waiting
        self._chunks = kafka.prefix + "chunks"
        self._next: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer
        topics = [kafka.prefix + topic for topic in TOPICS]
        self._ends = Ends(SILENT_S, lambda: self._consumer, topics)

    async def on_start(self) -> None:
        partitions = [
            partition
            for topic in TOPICS
            for partition in await partitions_of(self._kafka, self._kafka.prefix + topic)
        ]
        consumer = AIOKafkaConsumer(
            **connection(self._kafka),
            client_id=f"{self._kafka.prefix}gateway",
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        await consumer.start()
        self._consumer = consumer
        consumer.assign(partitions)
        await consumer.seek_to_end(*partitions)
        for partition in partitions:  # the end as it is now, not at the first poll
            self._next[partition] = await consumer.position(partition)
        await self.add_runtime_dependency(self._ends)

    async def on_stop(self) -> None:
        if not hasattr(self, "_consumer"):
            return  # the start failed before it
        try:
            async with asyncio.timeout(STOP_S):
                await self._consumer.stop()
        except TimeoutError:
            self.log.warning("stopped without the broker's answer")

    def unready(self) -> str | None:
        """Why answers may not come; None while they do."""
        if (why := self._ends.unready()) is not None:
            return why
        ends = self._ends.known.items()
        late = sum(max(0, end - self._next.get(partition, end)) for partition, end in ends)
        return f"{late} records behind" if late > MOST_BEHIND else None

    @Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            try:
                fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
            except ConsumerStoppedError:
                return
            for partition, records in fetched.items():
                self.take(partition.topic, records)
                self._next[partition] = records[-1].offset + 1

    def take(self, topic: str, records: Sequence[Record]) -> None:
        """Hands records of one partition to those that wait."""
        put = self._put_chunk if topic == self._chunks else self._put_response
        for record in records:
            if self._is_ours(record):
                try:
                    put(record)
                except WireError as error:
                    place = (record.topic, record.partition, record.offset)
                    self.log.warning("%s-%s@%s: %s", *place, error)

    def _is_ours(self, record: Record) -> bool:
        for name, content in record.headers:
            if name == ADDRESS:
                return bool(content == self._address)
        return True  # from a role that sends none yet: the key tells

    def _put_response(self, record: Record) -> None:
        waiter = self._waiting.get(_key(record))
        if waiter is not None:
            response = decode(Response, record.value)
            if response.query_id == _key(record):
                waiter.put_response(response)

    def _put_chunk(self, record: Record) -> None:
        waiter = self._waiting.get(_key(record))
        if waiter is not None and waiter.stream:
            chunk = decode(Chunk, record.value)
            if chunk.query_id == _key(record):
                waiter.put_chunk(chunk)


def _key(record: Record) -> str:
    return (record.key or b"").decode(errors="replace")
