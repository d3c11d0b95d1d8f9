"""Who was asked when, and how long each answer took, as a client sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from aiokafka import AIOKafkaConsumer

from streams.settings import Kafka
from streams.tables import partitions_of

POLL_MS = 50


class _Answer(msgspec.Struct):
    query_id: str
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: when it came, in seconds on the watch's clock, and after how long."""

    at_s: float
    after_s: float


@dataclass
class Watch:
    """Reads ``responses`` as they come; ``asked`` is to be told of each query.

    Args:
        kafka: the broker, and the topics' prefix.
        clock: seconds, monotonic.
    """

    kafka: Kafka
    clock: Callable[[], float] = time.monotonic
    answers: list[Answered] = field(default_factory=list)
    errors: int = 0
    unanswered: dict[str, float] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def asked(self, query_id: str) -> None:
        """Notes that a query is being sent now."""
        self.unanswered[query_id] = self.clock()

    async def run(self) -> None:
        """Reads until cancelled."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, enable_auto_commit=False
        )
        await consumer.start()
        try:
            numbers = await partitions_of(self.kafka, self.kafka.prefix + "responses")
            consumer.assign(numbers)
            await consumer.seek_to_beginning(*numbers)
            decode = msgspec.json.Decoder(_Answer).decode
            while True:
                fetched = await consumer.getmany(timeout_ms=POLL_MS)
                for records in fetched.values():
                    for record in records:
                        self._take(decode(record.value))
                self.changed.set()
        finally:
            await consumer.stop()

    def _take(self, answer: _Answer) -> None:
        asked_s = self.unanswered.pop(answer.query_id, None)
        if asked_s is None:
            return  # a duplicate, or not ours
        now = self.clock()
        self.answers.append(Answered(now, now - asked_s))
        self.errors += answer.error is not None

    def between(self, first_s: float, last_s: float) -> list[float]:
        """How long the answers took that came in this time, in seconds, sorted."""
        return sorted(row.after_s for row in self.answers if first_s <= row.at_s < last_s)


def quantile(ordered: list[float], share: float) -> float:
    """Nearest rank; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
