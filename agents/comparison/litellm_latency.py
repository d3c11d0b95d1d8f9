"""LiteLLM's Router with one model group per task: by latency, or shuffled.

A decision is ``Router.async_get_available_deployment``, as ``Router.acompletion`` takes it. What
an answer took is reported to the strategy by the callback that LiteLLM itself calls after a
completion (``CustomLogger.async_log_success_event``), with the recorded response time between
start and end: nothing has to be waited for. No token usage goes with it, so LiteLLM ranks by
seconds per answer (with usage it would rank by seconds per completion token).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.comparison.litellm_library import deployment, load, seeded
from agents.comparison.router import Answer, Opening, Router
from agents.evaluation.draws import Draw
from schemas.query import Query

START = datetime(2000, 1, 1, tzinfo=UTC)


class Grouped:
    """A ``litellm.Router``; a task's candidates are its model group of that name."""

    def __init__(
        self, litellm: Any, strategy: str, candidates: Mapping[str, Sequence[str]]
    ) -> None:
        self._litellm = litellm
        self._models = {
            _identity(task, model): model for task, models in candidates.items() for model in models
        }
        self._router = litellm.Router(
            model_list=[
                deployment(task, _identity(task, model))
                for task, models in candidates.items()
                for model in models
            ],
            routing_strategy=strategy,
        )

    async def reach(self, _: int, /) -> None:
        """Lets LiteLLM's own background tasks run; its clock is not the draw's."""
        await asyncio.sleep(0)

    async def choose(self, query: Query, /) -> str:
        """LiteLLM's pick of the task's group."""
        picked = await self._router.async_get_available_deployment(
            model=query.task,
            request_kwargs={},
            messages=[{"role": "user", "content": query.prompt or query.task}],
        )
        return self._models[picked["model_info"]["id"]]

    async def learn(self, answer: Answer, /) -> None:
        """The response time; LiteLLM's Router has no place for a grade."""
        handler = self._router.lowestlatency_logger
        if handler is not None:
            task = str(answer.query.task)
            await handler.async_log_success_event(
                {
                    "litellm_params": {
                        "metadata": {"model_group": task},
                        "model_info": {"id": _identity(task, answer.model)},
                    }
                },
                self._litellm.ModelResponse(),
                START,
                START + timedelta(seconds=answer.latency_s),
            )

    def close(self) -> None:
        """Takes the router out of LiteLLM's global lists."""
        self._router.discard()


def _identity(task: str, model: str) -> str:
    return f"{task}/{model}"


def grouped(strategy: str, candidates: Mapping[str, Sequence[str]]) -> Opening:
    """A cold Router for each draw.

    Args:
        strategy: ``latency-based-routing`` or ``simple-shuffle``, with LiteLLM's defaults.
        candidates: models by task.
    """

    @asynccontextmanager
    async def opened(draw: Draw) -> AsyncIterator[Router]:
        litellm = load()
        with seeded(litellm, draw.seed):
            router = Grouped(litellm, strategy, candidates)
            try:
                yield router
            finally:
                router.close()

    return opened
