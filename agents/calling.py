"""One query's calls to a model: retries with backoff, as far as limits and the breaker allow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agents.breaker import Breaker, Call
from agents.call_span import model_call
from agents.chunking import Chunks
from agents.endpoints.endpoint import Endpoint
from agents.metering.worker import ModelMeters
from agents.model_error import TRANSIENT, ModelError
from agents.reply import Answer
from agents.retrying import retry_pause_s
from schemas.assignment import Assignment
from streams.clock import NowMs, loop_s
from streams.settings import Settings


class Caller:
    """Asks one model.

    Args:
        settings: retries, time limits, tasks' instructions.
        name: the model's.
        endpoint: where it is.
        breaker: asked before each call, told after it.
        meters: where calls are counted.
        on_change: called when the breaker's state has changed.
        now_ms: Unix time in milliseconds, for the queries' time limits.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        endpoint: Endpoint,
        breaker: Breaker,
        meters: ModelMeters,
        on_change: Callable[[], None],
        now_ms: NowMs,
    ) -> None:
        self.endpoint = endpoint
        self._settings = settings
        self._name = name
        self._model = settings.models[name]
        self._breaker = breaker
        self.meters = meters
        self._on_change = on_change
        self._now_ms = now_ms

    async def ask(self, assignment: Assignment, chunks: Chunks | None) -> Answer:
        """The answer. A stream that has begun is not tried again.

        Raises:
            ModelError: what the last call met; ``breaker_open`` or ``rejected`` when none was made.
        """
        query = assignment.query
        self.endpoint.check(query)
        number, last = 0, None
        while True:
            number += 1
            try:
                return await self._ask_once(assignment, chunks)
            except ModelError as error:
                if last is not None and error.kind == "breaker_open":
                    raise last from None  # it opened during the pause; this call wasn't made
                pause_s = retry_pause_s(self._settings.routing, query.query_id, number)
                pause_s = max(pause_s, error.retry_after_s or 0.0)
                in_time = number <= self._model.retries and pause_s < self._left_s(assignment)
                if not (in_time and self._may_again(error, chunks)):
                    raise
                last = error
            await asyncio.sleep(pause_s)

    def _may_again(self, error: ModelError, chunks: Chunks | None) -> bool:
        fresh = chunks is None or chunks.number == 0
        return error.kind in TRANSIENT and fresh and self._breaker.state == "healthy"

    async def _ask_once(self, assignment: Assignment, chunks: Chunks | None) -> Answer:
        left_s = self._left_s(assignment)
        call = self._breaker.begin(loop_s())
        if call is None:
            self.meters.handed_on()
            raise ModelError("breaker_open", self._breaker.reason, asked=False)
        try:
            with model_call(self._name, self._model, assignment.query) as span:
                answer = await self.endpoint.answer(
                    assignment.query,
                    self._settings.tasks[assignment.task].instructions,
                    min(self._model.timeout_s, left_s),
                    chunks,
                )
                span.answered(answer)
        except ModelError as error:
            self.meters.called(error.kind)
            if error.kind == "timeout" and left_s < self._model.timeout_s:
                self._breaker.give_up(call)  # the query's own limit, not the model's
            else:
                self._end(call, error)
            raise
        except BaseException:
            self._breaker.give_up(call)
            raise
        self.meters.called("ok")
        self._end(call, None)
        return answer

    def _end(self, call: Call, error: ModelError | None) -> None:
        before = self._breaker.period, self._breaker.state
        self._breaker.end(call, error, loop_s())
        if (self._breaker.period, self._breaker.state) != before:
            self._on_change()

    def _left_s(self, assignment: Assignment) -> float:
        return max(0, assignment.deadline_at - self._now_ms()) / 1000
