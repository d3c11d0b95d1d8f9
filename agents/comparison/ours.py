"""Ours: the router, windows and tuner that production runs, as ``zeta evaluate`` plays them."""

from __future__ import annotations

from agents.comparison.router import Answer
from agents.evaluation.loop import Loop
from agents.evaluation.metrics import metrics
from schemas.assignment import Decision
from schemas.query import Query
from schemas.tick import Tick
from streams.settings import Settings


class Ours:
    """The loop from a cold start; metrics enter the window that is open when they come."""

    def __init__(self, settings: Settings) -> None:
        self._loop = Loop(settings)
        self._now_at = 0
        self._decision: Decision | None = None

    async def reach(self, at: int, /) -> None:
        """A tick: closes windows, and with them publishes rules."""
        self._now_at = at
        self._loop.tell(Tick(ticked_at=at))
        self._loop.published()

    async def choose(self, query: Query, /) -> str:
        """By the rules in force."""
        self._decision = self._loop.ask(query, self._now_at)
        return self._decision.model

    async def learn(self, answer: Answer, /) -> None:
        """The answer's metrics, as the worker and the grader send them."""
        assert self._decision is not None
        for metric in metrics(
            answer.query.query_id,
            self._decision,
            answer.grade,
            answer.latency_s,
            answer.cost_usd,
        ):
            self._loop.tell(metric)
