"""The client: sends the load at its rate, and notes what the brokers have acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from streams.settings import Kafka
from tests.chaos.asking import Ask

TICK_S = 0.05
PATIENCE_S = 180.0
"""A client that waits longer than any election, so that what it asked is known."""

Place = tuple[str, int, int]


@dataclass
class Asked:
    """The client's account. Only what was acknowledged is in it, but for ``unsure``.

    ``ids`` maps a query's id to its sort; ``poison`` maps topic, partition and offset of each bad
    record to its bytes; ``opinions`` are queries that got feedback; ``unsure`` are ids whose send
    failed, so that they may be there or not.
    """

    ids: dict[str, str] = field(default_factory=dict)
    poison: dict[Place, bytes] = field(default_factory=dict)
    opinions: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    sorts: Counter[str] = field(default_factory=Counter)
    failed_sends: int = 0


class Load:
    """One client. ``run`` sends; ``close`` waits for what is under way.

    Args:
        rate: records per second; may be changed while it runs.
    """

    def __init__(
        self, kafka: Kafka, rate: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.asked = Asked()
        self._prefix = kafka.prefix
        self._bootstrap = kafka.bootstrap
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()
        self._producer: AIOKafkaProducer

    async def start(self) -> None:
        """Connects."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id="chaos-client",
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            request_timeout_ms=int(PATIENCE_S * 1000),
        )
        await self._producer.start()

    async def run(self, asks: Iterator[Ask]) -> None:
        """Sends all of them, at the rate; what was late is made good."""
        due, before = 0.0, self._clock()
        for row in asks:
            while due < 1.0:
                await asyncio.sleep(TICK_S)
                now = self._clock()
                due, before = due + (now - before) * self.rate, now
            due -= 1.0
            await self._send(row)

    async def burst(self, asks: Iterable[Ask]) -> None:
        """Sends all of them at once."""
        for row in asks:
            await self._send(row)

    async def _send(self, row: Ask) -> None:
        if row.feedback is not None and row.feedback_first:
            await self._put("feedback", row.query_id.encode(), row.feedback, row)
        await self._put(row.topic, row.key, row.value, row)
        if row.feedback is not None and not row.feedback_first:
            await self._put("feedback", row.query_id.encode(), row.feedback, row)

    async def _put(self, topic: str, key: bytes | None, value: bytes, row: Ask) -> None:
        sent = await self._producer.send(self._prefix + topic, value, key=key)
        task = asyncio.create_task(self._note(topic, sent, row))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _note(self, topic: str, sent: asyncio.Future[RecordMetadata], row: Ask) -> None:
        try:
            where = await sent
        except KafkaError:
            self.asked.failed_sends += 1
            self.asked.unsure.add(row.query_id)
            return
        place = (topic, where.partition, where.offset)
        if row.sort == "poison":
            self.asked.poison[place] = row.value
        elif topic == "feedback":
            self.asked.opinions.add(row.query_id)
            return
        else:
            self.asked.ids[row.query_id or f"{topic}-{where.partition}-{where.offset}"] = row.sort
            if row.sort == "unknown-task":
                self.asked.poison[place] = row.value
        self.asked.sorts[row.sort] += 1

    @property
    def waiting(self) -> int:
        """Sends that aren't acknowledged yet."""
        return len(self._under_way)

    async def settle(self) -> None:
        """Waits until each send is acknowledged, or has failed."""
        await self._producer.flush()
        while self._under_way:
            await asyncio.wait(set(self._under_way))

    async def close(self) -> None:
        """Disconnects."""
        await self._producer.stop()
