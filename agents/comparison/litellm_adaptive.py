"""LiteLLM's adaptive router (beta): Thompson sampling over what users say next.

It takes no scores. It reads conversations: a word of thanks credits the model of the previous
answer, a word of refusal blames it. So each query is a conversation of its own, and the grade is
put as the user's reaction: ``PLEASED`` with the grade as its chance, otherwise ``DISPLEASED``.
Thanks count from a conversation's third turn on and once only; so that right answers count as
much as wrong ones, the query is the second turn, after an empty greeting (``with_greeting``).
Without it, only wrong answers are learnt from.

Decisions are ``Router.async_get_available_deployment``; turns are reported to the callback that
LiteLLM registered, as it does itself after each completion. Each task has a Router of its own, so
tasks are known without reading the text, and models enter equal: the middle quality tier, no
strengths, no weight on prices.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agents.comparison.litellm_library import deployment, load, seeded
from agents.comparison.router import Answer, Opening, Router
from agents.evaluation.draws import Draw
from schemas.query import Query

NAME = "adaptive"
GREETING, PLEASED, DISPLEASED = "…", "thanks", "abort"
"""No words in common with one another, nor, if it can be helped, with a query: LiteLLM takes a
message that shares some words with the one before it for a complaint."""

SILENCE = {"choices": [{"message": {"role": "assistant", "content": ""}}]}
"""An answer without a text: two alike would count as stagnation."""

Message = dict[str, str]


class Adaptive:
    """A ``litellm.Router`` with one adaptive router, for each task.

    Each holds on to the callback registered with it: the next Router's takes its place.
    """

    def __init__(
        self,
        litellm: Any,
        candidates: Mapping[str, Sequence[str]],
        reactions: random.Random,
        *,
        with_greeting: bool,
    ) -> None:
        self._reactions = reactions
        self._with_greeting = with_greeting
        self.routers: dict[str, Any] = {}
        self._hooks: dict[str, Any] = {}
        for task, models in candidates.items():
            router = litellm.Router(model_list=_model_list(models))
            self.routers[task] = router
            self._hooks[task] = _hook(litellm, strategy(router))

    async def reach(self, _: int, /) -> None:
        """Lets LiteLLM's own background tasks run; its clock is not the draw's."""
        await asyncio.sleep(0)

    async def choose(self, query: Query, /) -> str:
        """LiteLLM's pick for the query, or the name of its task where it has no text."""
        picked = await self.routers[str(query.task)].async_get_available_deployment(
            model=NAME, request_kwargs={"metadata": {}}, messages=[_user(_text(query))]
        )
        return str(picked["model_info"]["id"])

    async def learn(self, answer: Answer, /) -> None:
        """The whole conversation about the query, all its turns with the model that was chosen."""
        is_pleased = self._reactions.random() < answer.grade
        task = str(answer.query.task)
        context = {
            "session_id": answer.query.query_id,
            "adaptive_router_chosen_model": answer.model,
        }
        said = conversation(
            _text(answer.query), is_pleased=is_pleased, with_greeting=self._with_greeting
        )
        for messages in said:
            call = {"messages": messages, "litellm_params": {"metadata": context}}
            await self._hooks[task].async_log_success_event(call, SILENCE, None, None)

    def close(self) -> None:
        """Takes the routers out of LiteLLM's global lists."""
        for router in self.routers.values():
            router.discard()


def conversation(text: str, *, is_pleased: bool, with_greeting: bool) -> Iterator[list[Message]]:
    """The messages of each request: everything said so far, the user's turn last."""
    turns = [GREETING] if with_greeting else []
    turns += [text, PLEASED if is_pleased else DISPLEASED]
    messages: list[Message] = []
    for turn in turns:
        messages = [*messages, _user(turn)]
        yield messages
        messages = [*messages, {"role": "assistant", "content": ""}]


def strategy(router: Any) -> Any:
    """The adaptive router inside a ``litellm.Router``."""
    return router.adaptive_routers[NAME][0].strategy


def _hook(litellm: Any, of: Any) -> Any:
    return next(one for one in litellm.callbacks if getattr(one, "adaptive_router", None) is of)


def _model_list(models: Sequence[str]) -> list[dict[str, Any]]:
    equal = {"quality_tier": 2, "strengths": []}
    adaptive = {
        "model_name": NAME,
        "litellm_params": {
            "model": "auto_router/adaptive_router",
            "adaptive_router_default_model": models[0],
            "adaptive_router_config": {
                "available_models": list(models),
                "weights": {"quality": 1.0, "cost": 0.0},
            },
        },
    }
    entries = [deployment(model, model, adaptive_router_preferences=equal) for model in models]
    return [*entries, adaptive]


def _text(query: Query) -> str:
    return query.prompt or str(query.task)


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


def adaptive(candidates: Mapping[str, Sequence[str]], *, with_greeting: bool) -> Opening:
    """Cold adaptive routers for each draw; ``candidates``: models by task."""

    @asynccontextmanager
    async def opened(draw: Draw) -> AsyncIterator[Router]:
        litellm = load()
        with seeded(litellm, draw.seed):
            reactions = random.Random(f"reactions {draw.seed}")
            router = Adaptive(litellm, candidates, reactions, with_greeting=with_greeting)
            try:
                yield router
            finally:
                router.close()

    return opened
