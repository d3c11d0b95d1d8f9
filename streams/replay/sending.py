"""Batches onto the target: one in flight per partition, so that what is there has no gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from streams.connecting import connection
from streams.history import LoggedRecord
from streams.replay.origin import Headers
from streams.replay.problem import ReplayError, TooLargeError
from streams.replay.target import Target

BATCH_BYTES = 256 * 1024
REQUEST_TIMEOUT_S = 30.0
STOP_S = 5.0


class Sender(Protocol):
    """Where replayed records go, in order per partition."""

    async def add(
        self, partition: int, record: LoggedRecord, timestamp: int, headers: Headers
    ) -> None:
        """Puts the record with this time (Unix ms) and these headers into its next batch."""
        ...

    async def submit(self) -> None:
        """Sends what is waiting, without waiting for the broker to have it."""
        ...

    async def flush(self) -> None:
        """Returns when all in-sync replicas have all that was added."""
        ...


class Dry:
    """A ``Sender`` that sends nothing."""

    async def add(
        self, partition: int, record: LoggedRecord, timestamp: int, headers: Headers
    ) -> None:
        """See ``Sender``."""

    async def submit(self) -> None:
        """See ``Sender``."""

    async def flush(self) -> None:
        """See ``Sender``."""


class Batches:
    """A ``Sender`` whose batches reach the log whole or not at all, and never out of order.

    The next batch of a partition is sent when the last one is acknowledged by all in-sync
    replicas, and the producer is idempotent: whenever this process dies, each partition of the
    target ends with the last record that was sent there, and none before it is missing.
    """

    def __init__(self, producer: AIOKafkaProducer, target: Target) -> None:
        self._producer = producer
        self._target = target
        self._open: dict[int, BatchBuilder] = {}
        self._flying: dict[int, asyncio.Future[RecordMetadata]] = {}

    async def add(
        self, partition: int, record: LoggedRecord, timestamp: int, headers: Headers
    ) -> None:
        """See ``Sender``.

        Raises:
            TooLargeError: the record is larger than the topic takes; others can follow.
            ReplayError: an earlier one failed.
        """
        batch = self._open.get(partition)
        if batch is not None and self._append(batch, record, timestamp, headers):
            return
        if batch is not None:
            await self._send(partition)
        batch = self._open[partition] = self._producer.create_batch()
        self._append(batch, record, timestamp, headers)
        if batch.size() > self._target.max_message_bytes:
            del self._open[partition]
            raise TooLargeError(
                f"the record at offset {record.offset} takes {batch.size()} bytes, and "
                f"{self._target.topic} takes {self._target.max_message_bytes} "
                "(max.message.bytes): raise that, or leave the record out"
            )

    def _append(
        self, batch: BatchBuilder, record: LoggedRecord, timestamp: int, headers: Headers
    ) -> bool:
        added = batch.append(
            timestamp=timestamp, key=record.key, value=record.value, headers=headers
        )
        return added is not None

    async def submit(self) -> None:
        """See ``Sender``."""
        for partition in list(self._open):
            await self._send(partition)

    async def flush(self) -> None:
        """See ``Sender``.

        Raises:
            ReplayError: a batch was not taken; nothing after it was sent to its partition.
        """
        await self.submit()
        for partition in list(self._flying):
            await self._land(partition)

    async def _send(self, partition: int) -> None:
        await self._land(partition)
        batch = self._open.pop(partition)
        batch.close()
        try:
            self._flying[partition] = await self._producer.send_batch(
                batch, self._target.topic, partition=partition
            )
        except KafkaError as error:
            raise self._failed(partition, error) from error
        await asyncio.sleep(0)  # the producer's turn

    async def _land(self, partition: int) -> None:
        flying = self._flying.pop(partition, None)
        if flying is None:
            return
        try:
            await flying
        except KafkaError as error:
            raise self._failed(partition, error) from error

    def _failed(self, partition: int, error: KafkaError) -> ReplayError:
        return ReplayError(
            f"{self._target.topic} partition {partition} on {self._target.kafka.bootstrap} did not "
            f"take a batch: {error!r}"
        )

    async def abandon(self) -> None:
        """Drops what is not in flight, and hears out what is."""
        self._open.clear()
        await asyncio.gather(*self._flying.values(), return_exceptions=True)
        self._flying.clear()


@asynccontextmanager
async def open_batches(target: Target) -> AsyncIterator[Batches]:
    """A sender to this topic."""
    producer = AIOKafkaProducer(
        **connection(target.kafka),
        client_id="zeta-replay",
        acks="all",
        enable_idempotence=True,
        max_batch_size=min(BATCH_BYTES, target.max_message_bytes),
        request_timeout_ms=int(REQUEST_TIMEOUT_S * 1000),
    )
    batches = Batches(producer, target)
    try:
        await producer.start()
        yield batches
    finally:
        try:
            async with asyncio.timeout(STOP_S):
                await batches.abandon()
        except TimeoutError:
            pass  # the broker is gone; resuming will see what it took
        finally:
            await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(STOP_S):
            await producer.stop()
    except TimeoutError:
        pass  # it waits for a broker that is gone
