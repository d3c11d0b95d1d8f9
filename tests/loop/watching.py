"""Watching topics, and waiting with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from aiokafka import AIOKafkaConsumer

from schemas.metric import Metric
from schemas.response import Response
from schemas.tick import Tick, decode_metrics
from schemas.wire import Event, decode
from streams.consuming import Record

POLL_S = 0.02
E = TypeVar("E", bound=Event)


async def until(happened: Callable[[], Any], what: str, within_s: float = 20.0) -> None:
    """Waits until ``happened()`` is true; fails with ``what`` after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(POLL_S)


class Topic(Generic[E]):
    """A topic's records as they come, from its beginning."""

    def __init__(self, kind: type[E], consumer: AIOKafkaConsumer) -> None:
        self.records: list[Record] = []
        self.events: list[E] = []
        self._kind = kind
        self._consumer = consumer
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            for records in (await self._consumer.getmany(timeout_ms=50)).values():
                self.records += records
                self.events += filter(None, map(self._decoded, records))

    def _decoded(self, record: Record) -> E | None:
        """The event; none for a tick among metrics, which a slow run has and a quick one hasn't."""
        if self._kind is not Metric:
            return decode(self._kind, record.value)
        event: Any = decode_metrics(record.value)
        return None if isinstance(event, Tick) else event

    async def until(
        self, happened: Callable[[Sequence[E]], Any], what: str, within_s: float = 20.0
    ) -> None:
        """Waits until ``happened(events)`` is true."""
        await until(lambda: self._task.done() or happened(self.events), what, within_s)
        if self._task.done():
            self._task.result()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._consumer.stop()


def by_id(responses: Sequence[Response]) -> dict[str, Response]:
    """The first response to each query."""
    found: dict[str, Response] = {}
    for response in responses:
        found.setdefault(response.query_id, response)
    return found


def answered(*query_ids: str) -> Callable[[Sequence[Response]], bool]:
    """Whether each of these queries has a response."""
    wanted = set(query_ids)
    return lambda responses: wanted <= {response.query_id for response in responses}
