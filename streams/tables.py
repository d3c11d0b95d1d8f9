"""Compacted topics as in-memory tables: what every replica of a role must know."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ConsumerStoppedError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import TopicPartition
from mode import Service

from schemas.wire import Event, WireError, decode
from streams.connecting import connection
from streams.consuming import POLL_MS, Record
from streams.patience import once_heard_of, patiently
from streams.replay.origin import replayed_by
from streams.settings import Kafka

E = TypeVar("E", bound=Event)


class TopicMissingError(RuntimeError):
    """A topic that the role needs does not exist."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} does not exist; run `zeta topics create`")


async def partitions_of(kafka: Kafka, topic: str) -> list[TopicPartition]:
    """All partitions of a topic, whose name comes with the prefix.

    Raises:
        TopicMissingError: it isn't there.
        TopicAuthorizationFailedError: we may not know.
    """
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    try:
        numbers = await once_heard_of(lambda: _numbers(admin, topic))
    except UnknownTopicOrPartitionError:
        raise TopicMissingError(topic) from None
    finally:
        await admin.close()
    return [TopicPartition(topic, number) for number in sorted(numbers)]


async def _numbers(admin: AIOKafkaAdminClient, topic: str) -> list[int]:
    (described,) = await patiently(lambda: admin.describe_topics([topic]))
    if described["error_code"] == TopicAuthorizationFailedError.errno:
        raise TopicAuthorizationFailedError(topic)
    if not described["partitions"]:
        raise UnknownTopicOrPartitionError(topic)
    return [row["partition"] for row in described["partitions"]]


class Reader(Service):
    """Polls a consumer of its own, without a group, from its start to its stop."""

    _consumer: AIOKafkaConsumer | None = None

    async def on_stop(self) -> None:
        if self._consumer is not None:  # the start may have failed before it
            await self._consumer.stop()

    @Service.task
    async def _follow(self) -> None:
        consumer = self._consumer
        while consumer is not None and not self.should_stop:
            try:
                await self._poll(consumer)
            except ConsumerStoppedError:
                return

    @abstractmethod
    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        """Hands over what is there now; waits for a moment where there is nothing."""


class TableReader(Reader, Generic[E]):
    """Reads a topic without a group: to its end before ``start`` returns, then as it grows.

    ``put`` gets each event in offset order per partition, with its record. Records that don't
    decode are logged and passed over, replayed ones are passed over: other readers, and the
    archive, still have them. With ``from_end`` it reads only what comes after its start.

    Raises:
        TopicMissingError: at start, when the topic isn't there.
    """

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        kind: type[E],
        put: Callable[[E, Record], None],
        *,
        from_end: bool = False,
    ) -> None:
        super().__init__()
        self._from_end = from_end
        self._kafka = kafka
        self._topic = kafka.prefix + topic
        self._kind = kind
        self._put = put

    async def on_start(self) -> None:
        await self._open()

    async def read_once(self) -> None:
        """Reads to the topic's present end and closes; for a reader that is not started."""
        try:
            await self._open()
        finally:
            await self.on_stop()

    async def _open(self) -> None:
        partitions = await partitions_of(self._kafka, self._topic)
        self._consumer = consumer = AIOKafkaConsumer(
            **connection(self._kafka),
            client_id=f"reader-{self._topic}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        consumer.assign(partitions)
        if self._from_end:
            await consumer.seek_to_end(*partitions)
            return
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                await self._poll(consumer)

    async def _poll(self, consumer: AIOKafkaConsumer) -> None:
        fetched = await consumer.getmany(timeout_ms=POLL_MS)
        for records in fetched.values():
            for record in records:
                self._take(record)

    def _take(self, record: Record) -> None:
        if record.value is None:
            return  # a tombstone: compaction's, not an event
        if replayed_by(self._kafka, record.headers) is not None:
            return
        try:
            event = decode(self._kind, record.value)
        except WireError as error:
            self.log.warning("%s-%s@%s: %s", record.topic, record.partition, record.offset, error)
            return
        self._put(event, record)


async def read_all(kafka: Kafka, topic: str, kind: type[E]) -> list[tuple[int, E]]:
    """All events that a topic holds now, with their offsets, in order per partition.

    Raises:
        TopicMissingError: the topic isn't there.
    """
    found: list[tuple[int, E]] = []
    reader = TableReader(
        kafka, topic, kind, lambda event, record: found.append((record.offset, event))
    )
    await reader.read_once()
    return found
