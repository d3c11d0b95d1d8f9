"""The gateway's way to Kafka: each record is acknowledged, or it is known soon that it was not.

Not an ``Outbox``: that one ends its process when the broker is away, since a role's commit depends
on it. The gateway commits nothing, and its clients are better served with a 503.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from mode import Service

from agents.serving.refusals import Refusal
from schemas.wire import Event, encode
from streams.connecting import connection
from streams.denials import told
from streams.settings import Kafka
from streams.tracing import follow, outgoing

SEND_S = 5.0
STOP_S = 5.0


class Sender(Service):
    """Sends with acks from all in-sync replicas.

    A record that isn't acknowledged within ``send_s`` may still be written: whoever gets the error
    and asks again may have asked twice, under two query ids.
    """

    def __init__(self, kafka: Kafka, *, client_id: str, send_s: float = SEND_S) -> None:
        super().__init__()
        self._kafka = kafka
        self._client_id = client_id
        self._send_s = send_s
        self._later: set[asyncio.Task[None]] = set()
        self._producer: AIOKafkaProducer

    async def on_start(self) -> None:
        self._producer = AIOKafkaProducer(
            **connection(self._kafka),
            client_id=self._client_id,
            acks="all",
            # A request that waits for company comes later.
            linger_ms=0,
            max_request_size=self._kafka.max_record_bytes,
            # What isn't written by then is dropped: nobody waits for it any more.
            request_timeout_ms=int(self._send_s * 1000),
        )
        await self._producer.start()

    async def on_stop(self) -> None:
        """Sends what is left, but waits for no broker that is away."""
        if self._later:
            await asyncio.wait(self._later, timeout=self._send_s)
        if hasattr(self, "_producer"):
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._producer.stop()

    async def send(self, topic: str, event: Event, *, key: str) -> None:
        """Returns once the record is acknowledged.

        Raises:
            Refusal: 503, it was not.
        """
        name, raw_key = self._kafka.prefix + topic, key.encode()
        headers, span = outgoing(name, raw_key, ())
        try:
            async with asyncio.timeout(self._send_s):
                sent = await self._producer.send(
                    name, encode(event), key=raw_key, headers=list(headers) or None
                )
                if span is not None:
                    follow(span, sent)
                await sent
        except (KafkaError, TimeoutError) as error:
            self.log.warning("a record for %s was not acknowledged: %s", topic, told(error))
            message = "the broker did not take the request; ask again"
            raise Refusal(503, "not_sent", message, headers={"Retry-After": "1"}) from error

    def send_later(self, topic: str, event: Event, *, key: str) -> None:
        """Sends without being waited for; a failure is only logged."""
        task = asyncio.get_running_loop().create_task(self._try(topic, event, key))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _try(self, topic: str, event: Event, key: str) -> None:
        with suppress(Refusal):
            await self.send(topic, event, key=key)
