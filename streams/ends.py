"""Where topics end now: how far a consumer lags, and whether the broker answers at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import ConsumerStoppedError, KafkaError
from aiokafka.structs import TopicPartition
from mode import Service

from streams.clock import loop_s

LOOKS = 4
"""So often within the time after which the broker counts as silent."""


class Ends(Service):
    """The ends of a consumer's partitions, asked now and then, with a request to each leader.

    Not the high watermarks that come with what is fetched: of a partition that isn't fetched
    since the role is behind with it, those stay where they were.

    Args:
        silent_s: after so long without an answer ``unready`` says so.
        consumer: the consumer, once it has been started.
        topics: with the prefix; a consumer without partitions asks about one of these.
    """

    def __init__(
        self, silent_s: float, consumer: Callable[[], AIOKafkaConsumer], topics: Sequence[str]
    ) -> None:
        super().__init__()
        self._silent_s = silent_s
        self._consumer = consumer
        self._topics = topics
        self._answered_s: float | None = None
        self.known: Mapping[TopicPartition, int] = {}
        self.positions: Mapping[TopicPartition, int] = {}

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            try:
                async with asyncio.timeout(self._silent_s):
                    await self._ask(self._consumer())
            except (KafkaError, TimeoutError):
                pass  # that is what ``unready`` tells
            except ConsumerStoppedError:
                return
            await self.sleep(self._silent_s / LOOKS)

    async def _ask(self, consumer: AIOKafkaConsumer) -> None:
        owned = consumer.assignment()
        self.known = await consumer.end_offsets(list(owned) or [TopicPartition(self._topics[0], 0)])
        self._answered_s = loop_s()
        self.positions = {partition: await consumer.position(partition) for partition in owned}

    def unready(self) -> str | None:
        """Why no records can come in; None while the broker answers."""
        if self._answered_s is None:
            return "the broker has not answered yet"
        silent_s = loop_s() - self._answered_s
        if silent_s <= self._silent_s:
            return None
        return f"the broker has not answered for {silent_s:.0f} s"
