"""LiteLLM's latency-based and shuffling Router."""

from __future__ import annotations

import random
import sys
from collections import Counter

import pytest

from agents.comparison.litellm_latency import Grouped, grouped
from agents.comparison.litellm_library import LiteLLMMissingError, load, seeded
from agents.comparison.play import play
from schemas.query import Query
from tests.agents.comparison.helpers import answer, dealt, world


async def test_it_goes_to_the_fastest_of_the_task() -> None:
    litellm = load()
    with seeded(litellm, 1):
        router = Grouped(
            litellm, "latency-based-routing", {"code": ["a", "b"], "prose": ["a", "b"]}
        )
        for task, faster in (("code", "a"), ("prose", "b")):
            for model in "ab":
                took_s = 1.0 if model == faster else 2.0
                await router.learn(answer(model, 1.0, task=task, latency_s=took_s))
        chosen = {
            task: {
                await router.choose(Query(query_id=f"q{n}", task=task, prompt=""))
                for n in range(20)
            }
            for task in ("code", "prose")
        }
        router.close()
    assert chosen == {"code": {"a"}, "prose": {"b"}}


async def test_grades_change_nothing_for_it() -> None:
    outcomes = world()
    opening = grouped("latency-based-routing", outcomes.candidates)
    chosen = (await play(opening, outcomes.models, dealt(outcomes))).run.chosen
    fast = outcomes.models.index("fast")
    assert (chosen[20:] == fast).all()


async def test_shuffling_is_even_and_repeatable() -> None:
    outcomes = world(300)
    opening = grouped("simple-shuffle", outcomes.candidates)
    chosen = []
    for state in (1, 2):
        random.seed(state)  # whatever others do with it
        chosen.append((await play(opening, outcomes.models, dealt(outcomes))).run.chosen.tolist())
    assert chosen[0] == chosen[1]
    assert all(150 < count < 250 for count in Counter(chosen[0]).values())


async def test_nothing_global_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    litellm, outcomes = load(), world(5)
    monkeypatch.setattr(litellm, "callbacks", [])
    state = random.getstate()
    opening = grouped("latency-based-routing", outcomes.candidates)
    await play(opening, outcomes.models, dealt(outcomes))
    assert random.getstate() == state
    assert litellm.callbacks == []


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(LiteLLMMissingError, match=r"pip install -e '\.\[bench\]'"):
        load()
