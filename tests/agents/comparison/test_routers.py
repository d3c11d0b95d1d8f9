"""Playing, holding answers back, and what is chosen beforehand."""

from __future__ import annotations

import itertools

import numpy as np

from agents.comparison import hindsight
from agents.comparison.play import play
from agents.comparison.router import Windowed, opening
from agents.evaluation.draws import Arrivals, draw
from tests.agents.comparison.helpers import Listener, answer, dealt, world
from tests.agents.evaluation.recorded import outcomes


async def test_a_router_hears_of_its_own_choices_only_and_in_order() -> None:
    of = outcomes({"code": {"a": [1.0, 1.0], "b": [0.0, 0.0]}})
    listener = Listener(["a", "b"])
    played = await play(opening(lambda _: listener), of.models, dealt(of))
    once = [("choose", "code"), ("learn", 1.0)], [("choose", "code"), ("learn", 0.0)]
    assert listener.told == [("reach", 0), *once[0], ("reach", 1000), *once[1]]
    assert played.run.chosen.tolist() == [0, 1]
    assert played.run.shares.tolist() == [[1.0, 0.0], [0.0, 1.0]]


async def test_deciding_and_learning_are_timed_apart() -> None:
    of = outcomes({"code": {"a": [1.0, 1.0]}})
    ticks = itertools.count()
    played = await play(
        opening(lambda _: Listener(["a", "a"])), of.models, dealt(of), lambda: float(next(ticks))
    )
    assert (played.choosing_s, played.learning_s) == (2.0, 3.0)


async def test_held_back_answers_come_at_the_windows_end() -> None:
    listener = Listener()
    router = Windowed(listener, 1000)
    await router.reach(0)
    await router.learn(answer("a", 0.25))
    await router.reach(999)
    await router.learn(answer("a", 0.75))
    assert ("learn", 0.25) not in listener.told
    await router.reach(1000)
    assert listener.told[-3:] == [("learn", 0.25), ("learn", 0.75), ("reach", 1000)]
    await router.learn(answer("a", 0.5))
    await router.reach(1999)
    assert ("learn", 0.5) not in listener.told
    await router.reach(5000)
    assert ("learn", 0.5) in listener.told


def test_hindsight_knows_the_best() -> None:
    of = outcomes(
        {
            "code": {"a": [1.0, 0.0, 1.0], "b": [0.0, 1.0, 0.0]},
            "prose": {"a": [0.0, 0.0], "b": [1.0, 0.5], "c": [1.0, 1.0]},
        }
    )
    of_draw = draw(of, None, Arrivals(), 3)
    code, prose = of.tasks.index("code"), of.tasks.index("prose")
    assert hindsight.best_single(of_draw) == [1] * 5  # c is no candidate for code
    per_task = {code: 0, prose: 2}
    assert hindsight.best_per_task(of_draw) == [per_task[task] for task in of_draw.tasks.tolist()]
    grades = of_draw.answers.correct
    assert grades[np.arange(5), hindsight.oracle(of_draw)].tolist() == [1.0] * 5


def test_uniform_takes_candidates_only_and_all_alike() -> None:
    of = outcomes({"code": {"a": [0.0] * 400, "b": [0.0] * 400}, "prose": {"c": [1.0]}})
    of_draw = draw(of, None, Arrivals(), 3)
    chosen = np.array(hindsight.uniform(of_draw))
    assert set(chosen[of_draw.tasks == of.tasks.index("prose")]) == {2}
    assert 160 < (chosen == 0).sum() < 240
    assert chosen.tolist() == hindsight.uniform(of_draw)


def test_no_model_may_serve_every_task() -> None:
    assert hindsight.has_best_single(world().answers.correct)
    of = outcomes({"code": {"a": [1.0]}, "prose": {"b": [1.0]}})
    assert not hindsight.has_best_single(of.answers.correct)
