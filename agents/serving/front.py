"""What all requests share: who may ask, how a query goes out, and who is told when one is left."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agents.serving.answers import Answers
from agents.serving.keys import Keys
from agents.serving.limits import Limits
from agents.serving.meters import GatewayMeters
from agents.serving.querying import check_size, key_of, longest_wait_s
from agents.serving.sending import Sender
from agents.serving.waiting import Waiter, Waiting
from schemas.cancellation import Cancellation
from schemas.query import Query
from streams.clock import NowMs, loop_s
from streams.settings import Settings
from streams.tracing import Tracing

GRACE_S = 10.0
"""Beyond a query's time limit: the system answers within 5 s of it while a router runs."""


@dataclass(frozen=True)
class Front:
    """The gateway's state.

    ``address`` is the ``reply_to`` of this process alone; ``started_at`` Unix milliseconds.
    """

    settings: Settings
    address: str
    keys: Keys
    limits: Limits
    waiting: Waiting
    answers: Answers
    sender: Sender
    meters: GatewayMeters
    tracing: Tracing
    now_ms: NowMs
    started_at: int

    def new_id(self) -> str:
        """A query id that nobody has had."""
        return uuid.uuid4().hex

    @asynccontextmanager
    async def asked(self, query: Query) -> AsyncIterator[Waiter]:
        """The query is in Kafka, and whoever asked it waits for as long as the block lasts.

        A block that ends before the answer, for whatever reason, cancels the query.

        Raises:
            Refusal: 413 too large, 429 too many wait, 503 the broker didn't take it.
        """
        check_size(query, self.settings.kafka.max_record_bytes)
        until_s = loop_s() + longest_wait_s(self.settings, query) + GRACE_S
        with self.waiting.entered(query.query_id, stream=query.stream, until_s=until_s) as waiter:
            try:
                await self.sender.send("queries", query, key=key_of(query))
                yield waiter
            finally:
                if waiter.response is None:
                    self._give_up(query.query_id)

    def _give_up(self, query_id: str) -> None:
        self.meters.cancelled()
        cancellation = Cancellation(
            query_id=query_id, cancelled_at=self.now_ms(), reason="nobody waits for the answer"
        )
        self.sender.send_later("cancellations", cancellation, key=query_id)

    def unready(self) -> str | None:
        """Why requests can't be served; None while they can."""
        return "ending" if self.waiting.closing else self.answers.unready()
