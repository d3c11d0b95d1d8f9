"""The way out: one idempotent producer per process, whose failures can't go unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TypeAlias
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from mode import Service
from prometheus_client import CollectorRegistry

from schemas.wire import Event, encode
from streams.connecting import connection
from streams.denials import told
from streams.metering import RoleMeters
from streams.settings import Kafka
from streams.tracing import CURRENT, follow, outgoing

Headers: TypeAlias = Sequence[tuple[str, bytes]]
Sent: TypeAlias = tuple[str, "asyncio.Future[RecordMetadata]"]

# What Kafka adds to a record's key and value, and to each header, at most (magic 2, varints).
RECORD_OVERHEAD_BYTES = 256
HEADER_OVERHEAD_BYTES = 10
# dead-letters takes records that were too large for any other topic, in base64.
LARGEST_REQUEST_BYTES = 4 * 1024 * 1024
WATCH_S = 0.5
STOP_S = 5.0


def record_bytes(value: bytes, key: bytes | None, headers: Headers = ()) -> int:
    """What a record takes at most, as Kafka counts it."""
    named = sum(
        HEADER_OVERHEAD_BYTES + len(name.encode()) + len(content or b"")
        for name, content in headers
    )
    return RECORD_OVERHEAD_BYTES + len(value) + len(key or b"") + named


def quick_home(key: bytes, partitions: int) -> int:
    """Which of so many partitions has this key, where any will do: in 0.1 us for any key."""
    return crc32(key) % partitions


class RecordTooLargeError(ValueError):
    """The record exceeds what its topic takes; sending it again can't help."""


class SendFailedError(RuntimeError):
    """The broker did not acknowledge a record. The process must end without a commit."""


class Outbox(Service):
    """Sends events with acks from all in-sync replicas, in order per partition, no duplicates.

    ``send`` returns once the record is buffered; ``flush`` returns once every record sent before
    it is acknowledged, and raises if any record since the start was not. So: send, flush, commit.
    A record that fails, or is not acknowledged for ``patience_s``, crashes the process, also when
    nobody flushes; sending is retried until then, so that a broker can restart meanwhile.
    What is sent because of a record carries that record's trace context (``streams.tracing``).
    """

    def __init__(
        self,
        kafka: Kafka,
        *,
        client_id: str,
        patience_s: float = 30.0,
        meters: RoleMeters | None = None,
    ) -> None:
        super().__init__()
        self.meters = meters or RoleMeters(CollectorRegistry())
        self._kafka = kafka
        self._client_id = client_id
        self._patience_s = patience_s
        self._unacknowledged: list[Sent] = []
        self._flushed: list[Sent] = []
        self._failure: SendFailedError | None = None
        self._flushing = asyncio.Lock()
        self._producer: AIOKafkaProducer

    async def on_start(self) -> None:
        self._producer = AIOKafkaProducer(
            **connection(self._kafka),
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=1,
            max_batch_size=128 * 1024,
            max_request_size=max(LARGEST_REQUEST_BYTES, self._kafka.max_record_bytes),
            request_timeout_ms=int(self._patience_s * 1000),
        )
        self.async_exit_stack.push_async_callback(self._stop_producer)
        await self._producer.start()

    async def _stop_producer(self) -> None:
        try:
            # After a failure there is nothing to wait for, and it would wait for ever.
            async with asyncio.timeout(1.0 if self.crashed else STOP_S):
                await self._producer.stop()
        except TimeoutError:
            self.log.warning("stopped with records that the broker never acknowledged")

    async def on_stop(self) -> None:
        """Sends what is buffered; a failure still makes the process end with an error."""
        if self.crashed or not hasattr(self, "_producer"):
            return
        try:
            async with asyncio.timeout(STOP_S):
                await self.flush()
        except (SendFailedError, TimeoutError) as error:
            await self.crash(error)

    @Service.task
    async def _watch(self) -> None:
        """Sees failures that no flush would see, and records that hang."""
        oldest, since = None, 0.0
        while not self.should_stop:
            await self.sleep(WATCH_S)
            self._unacknowledged = self._settle(self._unacknowledged)
            self._raise_failure()
            pending = next(iter([*self._settle(self._flushed), *self._unacknowledged]), None)
            if pending is not oldest:
                oldest, since = pending, self.loop.time()
            elif pending is not None and self.loop.time() - since > self._patience_s:
                raise self._fail(pending[0], f"not acknowledged for {self._patience_s:g} s")

    async def send(
        self,
        topic: str,
        event: Event | bytes,
        *,
        key: str | bytes | None,
        partition: int | None = None,
        headers: Headers = (),
        timestamp_ms: int | None = None,
        anywhere: bool = False,
    ) -> None:
        """Buffers the record for ``topic`` (without the prefix); waits while buffers are full.

        Args:
            topic: without the prefix.
            event: what it says; encoded here, unless it is bytes.
            key: goes to the partition that Kafka's own clients would choose for it.
            partition: goes to this one instead.
            headers: besides the trace context.
            timestamp_ms: now, where it is None and the topic doesn't keep the broker's time.
            anywhere: any partition will do, as long as it is always the same for a key. That is
                found in 0.3 us, where Kafka's hash takes 5 us for a UUID in Python.

        Raises:
            RecordTooLargeError: before anything is sent.
            SendFailedError: this or an earlier record failed; nothing more goes out.
        """
        self._raise_failure()
        value = event if isinstance(event, bytes) else encode(event)
        raw_key = key.encode() if isinstance(key, str) else key
        name = self._kafka.prefix + topic
        span, work = None, CURRENT.get()
        if work is not None and work.carries:
            headers, span = outgoing(name, raw_key, headers)
        self._check_size(topic, value, raw_key, headers)
        try:
            if anywhere and raw_key is not None:
                partition = quick_home(raw_key, len(await self._producer.partitions_for(name)))
            future = await self._producer.send(
                name,
                value,
                key=raw_key,
                partition=partition,
                headers=list(headers) or None,
                timestamp_ms=timestamp_ms,
            )
        except KafkaError as error:
            raise self._fail(topic, told(error)) from error
        self.meters.produced.values[(topic,)] += 1
        if span is not None:
            follow(span, future)
        self._unacknowledged.append((topic, future))

    def _check_size(self, topic: str, value: bytes, key: bytes | None, headers: Headers) -> None:
        limit = self._kafka.max_record_bytes
        if topic == "dead-letters":
            limit = max(limit, LARGEST_REQUEST_BYTES)
        size = record_bytes(value, key, headers)
        if size > limit:
            raise RecordTooLargeError(
                f"a record of {size} bytes for {topic} exceeds kafka.max_record_bytes ({limit})"
            )

    async def flush(self) -> None:
        """Waits until all that was sent is acknowledged by every in-sync replica.

        Raises:
            SendFailedError: a record was not; its effects, and all later ones, are in doubt.
        """
        async with self._flushing:
            # Kept here until settled: a flush that is cancelled must not forget them.
            self._flushed += self._unacknowledged
            self._unacknowledged = []
            if self._flushed and self._failure is None:
                await self._producer.flush()
                if pending := [future for _, future in self._flushed if not future.done()]:
                    await asyncio.wait(pending)
                self._flushed = self._settle(self._flushed)
        self._raise_failure()

    def _settle(self, sent: Iterable[Sent]) -> list[Sent]:
        """Notes the failures among what is settled, and returns what isn't yet."""
        pending = []
        for record in sent:
            topic, future = record
            if not future.done():
                pending.append(record)
            elif future.cancelled():
                self._fail(topic, "cancelled")
            elif error := future.exception():
                self._fail(topic, told(error))
        return pending

    def _fail(self, topic: str, why: str) -> SendFailedError:
        message = f"a record for {topic} was not acknowledged: {why} ({self._client_id})"
        if self._failure is None:
            self._failure = SendFailedError(message)
        return self._failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise SendFailedError(str(self._failure)) from self._failure
