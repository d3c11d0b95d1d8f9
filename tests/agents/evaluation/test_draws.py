"""Draws: orders, times, ids, and where a shift answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.evaluation.columns import OutcomesError
from agents.evaluation.draws import Arrivals, Draw, draw, read_arrivals
from agents.evaluation.outcomes import Asked
from agents.evaluation.shifts import Shift
from tests.agents.evaluation.recorded import outcomes, steady

NUMBERED = outcomes({"x": {"a": [n / 10 for n in range(10)], "b": [0.0] * 10}})
HIGHER = replace(
    NUMBERED,
    answers=replace(NUMBERED.answers, correct=NUMBERED.answers.correct + 0.05),
)


def grades(dealt: Draw) -> list[float]:
    """Model a's, in order."""
    return [round(float(value), 2) for value in dealt.answers.correct[:, 0]]


def test_each_query_comes_once_in_an_order_of_the_seeds_own() -> None:
    one, again, other = (draw(NUMBERED, None, Arrivals(), seed) for seed in (1, 1, 2))
    assert sorted(grades(one)) == [n / 10 for n in range(10)]
    assert grades(one) == grades(again)
    assert grades(one) != grades(other)


def test_queries_have_ids_of_the_seeds_own_and_say_no_more_than_task_and_text() -> None:
    world = replace(NUMBERED, asked=tuple(Asked("x", f"why {n}?") for n in range(10)))
    dealt = draw(world, None, Arrivals(), 3)
    queries = list(dealt.queries())
    assert [at for at, _ in queries] == [n * 1000 for n in range(10)]
    assert [query.query_id for _, query in queries] == [f"3-{n}" for n in range(10)]
    texts = [f"why {round(grade * 10)}?" for grade in grades(dealt)]
    assert [query.prompt for _, query in queries] == texts
    assert {query.task for _, query in queries} == {"x"}


def test_the_shifted_world_answers_between_two_positions() -> None:
    shift = Shift(at=0.3, restore_at=0.8, other=HIGHER)
    dealt, plain = draw(NUMBERED, shift, Arrivals(), 4), draw(NUMBERED, None, Arrivals(), 4)
    assert dealt.shifted == (3, 8)
    for number, (with_shift, without) in enumerate(zip(grades(dealt), grades(plain), strict=True)):
        assert with_shift - without == pytest.approx(0.05 if 3 <= number < 8 else 0.0)


def test_another_files_own_queries_are_asked_while_it_holds() -> None:
    other = outcomes({"x": steady(3, a=1.0, b=1.0)})
    other = replace(other, keys=tuple((task, f"new-{key}") for task, key in other.keys))
    dealt = draw(NUMBERED, Shift(at=0.5, restore_at=1.0, other=other), Arrivals(), 0)
    assert len(dealt.asked) == 10
    assert grades(dealt)[5:] == [1.0] * 5


def test_arrivals_as_recorded_start_at_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t_s,service\n12.5,x\n10,x\n11,y\n90,x\n")
    arrivals = read_arrivals(path, 3)
    assert arrivals.times(3, np.random.default_rng(0)).tolist() == [0, 1000, 2500]
    assert arrivals.gap_s(3) == 1.25


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("t_s\n1\n2\n", "has 2 arrivals, but there are 3 queries"),
        ("t_s\n1\n1\n1\n", "the first 3 arrivals are all at once"),
        ("time\n1\n", "the column is missing: t_s"),
        ("t_s,x\n1,2\n2,2\n,2\n", "row 3: t_s is missing"),
    ],
)
def test_arrivals_that_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(OutcomesError, match=problem):
        read_arrivals(path, 3)


def test_poisson_arrivals() -> None:
    arrivals = Arrivals(rate=4.0)
    times = arrivals.times(4000, np.random.default_rng(0))
    assert times[0] == 0
    assert (np.diff(times) >= 0).all()
    assert times[-1] == pytest.approx(1_000_000, rel=0.05)
    assert np.diff(times).std() == pytest.approx(250, rel=0.1)
    assert arrivals.gap_s(4000) == 0.25
