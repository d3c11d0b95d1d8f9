"""Topics as they are now, from their first surviving record: for readers that look back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from streams.connecting import connection
from streams.consuming import POLL_MS
from streams.settings import Kafka
from streams.tables import partitions_of


class LoggedRecord(Protocol):
    """What a reader of the past needs of a record; ``timestamp`` in Unix ms."""

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int: ...

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Log(Protocol):
    """Some topics, each partition with a beginning and an end that stay as they are."""

    def partitions(self, topic: str) -> Sequence[int]:
        """The topic's partitions, sorted."""
        ...

    def beginning(self, topic: str, partition: int) -> int:
        """The offset of the first record that survives; 0: nothing was ever taken."""
        ...

    def end(self, topic: str, partition: int) -> int:
        """One past the newest record."""
        ...

    def read(
        self, topic: str, partition: int, start: int | None = None
    ) -> AsyncIterator[Sequence[LoggedRecord]]:
        """All records in order, in batches; with ``start``, those at or after that offset."""
        ...


@dataclass(frozen=True)
class _Span:
    consumer: AIOKafkaConsumer
    beginning: int
    end: int


class History:
    """A ``Log`` of topics on the broker; a partition has one reader at a time.

    Without a ``start`` a reader goes on where the last one stopped, at first at the beginning.

    Memory is bounded: a partition is fetched as it is read. Retention that overtakes the reader
    raises ``OffsetOutOfRangeError``.
    """

    def __init__(self, prefix: str, last: int | None = None) -> None:
        self._prefix = prefix
        self._last = last
        self._spans: dict[tuple[str, int], _Span] = {}

    async def add(self, kafka: Kafka, topic: str, stack: AsyncExitStack) -> None:
        """Opens one topic, with its end as it is now.

        Raises:
            TopicMissingError: it isn't there.
        """
        for partition in await partitions_of(kafka, self._prefix + topic):
            # One each: in a shared one, a partition that waits to be read delays the others.
            consumer = AIOKafkaConsumer(
                **connection(kafka),
                enable_auto_commit=False,
                auto_offset_reset="none",
                max_partition_fetch_bytes=1024 * 1024,
            )
            await consumer.start()
            stack.push_async_callback(consumer.stop)
            consumer.assign([partition])
            beginning = (await consumer.beginning_offsets([partition]))[partition]
            end = (await consumer.end_offsets([partition]))[partition]
            if self._last is not None:
                beginning = max(beginning, end - self._last)
            consumer.seek(partition, beginning)
            self._spans[topic, partition.partition] = _Span(consumer, beginning, end)

    def partitions(self, topic: str) -> list[int]:
        """See ``Log``."""
        return sorted(number for name, number in self._spans if name == topic)

    def beginning(self, topic: str, partition: int) -> int:
        """See ``Log``."""
        return self._spans[topic, partition].beginning

    def end(self, topic: str, partition: int) -> int:
        """See ``Log``."""
        return self._spans[topic, partition].end

    async def first_at(self, topic: str, partition: int, at: int) -> int:
        """The offset of the first record whose timestamp is ``at`` (Unix ms) or later, else end."""
        span = self._spans[topic, partition]
        where = TopicPartition(self._prefix + topic, partition)
        found = (await span.consumer.offsets_for_times({where: max(at, 0)}))[where]
        return span.end if found is None else min(max(found.offset, span.beginning), span.end)

    async def read(
        self, topic: str, partition: int, start: int | None = None
    ) -> AsyncIterator[Sequence[LoggedRecord]]:
        """See ``Log``."""
        span = self._spans[topic, partition]
        where = TopicPartition(self._prefix + topic, partition)
        if start is not None and start != await span.consumer.position(where):
            span.consumer.seek(where, max(start, span.beginning))
        while await span.consumer.position(where) < span.end:
            for records in (await span.consumer.getmany(timeout_ms=POLL_MS)).values():
                if records[-1].offset < span.end:
                    yield records
                else:
                    yield [record for record in records if record.offset < span.end]


@asynccontextmanager
async def open_history(
    kafka: Kafka, topics: Iterable[str], *, last: int | None = None
) -> AsyncIterator[History]:
    """The topics (without the prefix), opened in this order: name effects before their causes.

    So what a record of the first ones rests on is within the ends of the later ones. With
    ``last``, only so many offsets of each partition.

    Raises:
        TopicMissingError: one isn't there.
    """
    history = History(kafka.prefix, last)
    async with AsyncExitStack() as stack:
        for topic in topics:
            await history.add(kafka, topic, stack)
        yield history
