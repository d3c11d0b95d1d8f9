"""The judge model: asked within its budget, through the endpoint that any model has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from agents.endpoints.endpoint import Endpoint
from agents.judging import Budget, can_judge, is_sampled, judge_query, score_in
from agents.model_error import ModelError
from schemas.response import Response
from streams.settings import Settings

logger = logging.getLogger(__name__)

LOG_EVERY_S = 60.0


class ModelJudge:
    """What is left of the budget, and the endpoint.

    Args:
        endpoint: the judge model's; closed with ``close``.
        concurrency: calls at a time.
        clock_s: seconds of a clock that never goes back.
    """

    def __init__(
        self, settings: Settings, endpoint: Endpoint, concurrency: int, clock_s: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._judge = judge = settings.judge
        self._endpoint = endpoint
        self._slots = asyncio.Semaphore(concurrency)
        self._clock_s = clock_s
        self._budget = Budget(judge.calls_per_hour, clock_s())
        self._unjudged = 0
        self._logged_s = clock_s() - LOG_EVERY_S

    @property
    def name(self) -> str:
        """The grader's name in its metrics."""
        return f"judge:{self._judge.model}"

    def set_share(self, share: float) -> None:
        """From now on this process has this part (0..1) of the budget."""
        self._budget.set_share(share, self._clock_s())

    def wants(self, response: Response) -> bool:
        """Whether the answer is one of the sample."""
        decision = response.decision
        return (
            decision is not None
            and can_judge(self._judge, response)
            and is_sampled(
                self._settings,
                query_id=response.query_id,
                attempt=response.attempt,
                task=decision.task,
                reference=response.reference,
            )
        )

    async def accuracy(self, response: Response) -> float | None:
        """The judge's grade, 0..1, within ``timeout_s``; None where it gives none."""
        if not self._budget.take(self._clock_s()):
            self._note("the budget of calls is used up")
            return None
        try:
            async with asyncio.timeout(self._judge.timeout_s), self._slots:
                return await self._ask(response)
        except (ModelError, TimeoutError) as error:
            self._note(repr(error))
            return None

    async def _ask(self, response: Response) -> float | None:
        query = judge_query(self._judge, response)
        said = await self._endpoint.answer(query, self._judge.instructions, self._judge.timeout_s)
        if (score := score_in(said.text or "")) is None:
            self._note(f"no number from 0 to 10: {said.text!r:.80}")
        return score

    def _note(self, why: str) -> None:
        """Counts an answer that was chosen and not judged; says so once a minute at most."""
        self._unjudged += 1
        if self._clock_s() - self._logged_s >= LOG_EVERY_S:
            self._logged_s = self._clock_s()
            logger.warning("%s: %d answers not judged; now: %s", self.name, self._unjudged, why)

    async def close(self) -> None:
        """Closes the connections."""
        await self._endpoint.close()
