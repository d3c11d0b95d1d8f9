"""LiteLLM's adaptive router, driven as LiteLLM drives it."""

from __future__ import annotations

import asyncio
import importlib
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from agents.comparison.litellm_adaptive import NAME, Adaptive, adaptive, conversation, strategy
from agents.comparison.litellm_library import load, seeded
from agents.comparison.play import play
from tests.agents.comparison.helpers import answer, dealt, world

MODELS = {"code": ["a", "b"], "prose": ["a", "b"]}
PRIOR = (5.0, 5.0)
DEADLINE_S = 20.0

Cells = Mapping[str, tuple[float, float]]


@pytest.fixture
def litellm() -> Iterator[Any]:
    """LiteLLM, its global state put back afterwards."""
    library = load()
    with seeded(library, 1):
        yield library


def learner(
    litellm: Any, candidates: Mapping[str, Sequence[str]] = MODELS, *, with_greeting: bool = True
) -> Adaptive:
    """Cold routers."""
    return Adaptive(litellm, candidates, random.Random(1), with_greeting=with_greeting)


async def cells(router: Any) -> Cells:
    """Alpha and beta of each model, for requests of no special type."""
    snapshot = await strategy(router).get_state_snapshot()
    return {
        cell["model"]: (cell["alpha"], cell["beta"])
        for cell in snapshot["cells"]
        if cell["request_type"] == "general"
    }


async def test_a_right_answer_counts_as_much_as_a_wrong_one(litellm: Any) -> None:
    router = learner(litellm)
    for number, (model, grade) in enumerate([("a", 1.0), ("a", 1.0), ("b", 0.0)]):
        await router.learn(answer(model, grade, number=number))
    assert await cells(router.routers["code"]) == {"a": (7.0, 5.0), "b": (5.0, 6.0)}


async def test_without_a_greeting_thanks_come_too_early_to_count(litellm: Any) -> None:
    router = learner(litellm, with_greeting=False)
    await router.learn(answer("a", 1.0, number=1))
    await router.learn(answer("b", 0.0, number=2))
    assert await cells(router.routers["code"]) == {"a": PRIOR, "b": (5.0, 6.0)}


async def test_each_task_learns_from_its_own_queries(litellm: Any) -> None:
    router = learner(litellm)
    await router.learn(answer("a", 1.0, task="code", number=1))
    await router.learn(answer("a", 0.0, task="prose", number=2))
    assert (await cells(router.routers["code"]))["a"] == (6.0, 5.0)
    assert (await cells(router.routers["prose"]))["a"] == (5.0, 6.0)


async def test_a_fraction_of_a_grade_is_its_chance_of_thanks(litellm: Any) -> None:
    router = learner(litellm)
    for number in range(100):
        await router.learn(answer("a", 0.75, number=number))
    alpha, beta = (await cells(router.routers["code"]))["a"]
    assert alpha + beta == 110
    assert 65 <= alpha - 5 <= 85


@pytest.mark.parametrize(("is_pleased", "expected"), [(True, (6.0, 5.0)), (False, (5.0, 6.0))])
async def test_completions_teach_it_the_same(
    litellm: Any, is_pleased: bool, expected: tuple[float, float]
) -> None:
    one = {"code": ["a"]}
    router = learner(litellm, one).routers["code"]
    for messages in conversation("code", is_pleased=is_pleased, with_greeting=True):
        turn = len(messages)
        await router.acompletion(
            model=NAME,
            messages=messages,
            mock_response=f"answer{turn}",
            metadata={"session_id": "s"},
        )
        await _recorded(router, turns=(turn + 1) // 2)
    assert await cells(router) == {"a": expected}


async def _recorded(router: Any, turns: int) -> None:
    """Until LiteLLM's own logging, in the background, has reached the router."""
    deadline = time.monotonic() + DEADLINE_S
    state = strategy(router).get_or_create_session_state("s", "a", _general())
    while state.turn_count < turns:
        assert time.monotonic() < deadline, f"{state.turn_count} of {turns} turns were recorded"
        await asyncio.sleep(0.01)


def _general() -> Any:
    return importlib.import_module("litellm.types.router").RequestType.GENERAL


async def test_it_learns_whom_to_choose_and_is_repeatable() -> None:
    outcomes = world(100)
    opening = adaptive(outcomes.candidates, with_greeting=True)
    one = (await play(opening, outcomes.models, dealt(outcomes))).run.chosen
    again = (await play(opening, outcomes.models, dealt(outcomes))).run.chosen
    assert one.tolist() == again.tolist()
    best = outcomes.models.index("slow")
    assert (one[100:] == best).mean() > 0.8
