"""A run over time."""

from __future__ import annotations

import pytest

from agents.evaluation.course import Rule
from agents.evaluation.curves import added, curves
from tests.agents.evaluation.recorded import outcomes, plan, run

WORLD = outcomes({"x": {"a": [1, 0, 1], "b": [0, 0, 0.5]}, "y": {"b": [1, 0, 1], "c": [1, 1, 1]}})
SHARES: list[list[float]] = [
    [0.9, 0.1, 0],
    [0.5, 0.5, 0],
    [0.5, 0.5, 0],
    [0, 1, 0],
    [0, 0.2, 0.8],
    [0, 0, 1],
]


def test_sums_by_window() -> None:
    course = run(WORLD, [0, 0, 1, 1, 1, 2], [Rule("x", 0, {"a": 1.0})], shares=SHARES)
    found = curves(plan(WORLD), course)  # windows of 4: x, x, x, y and y, y
    assert found.reached.tolist() == [1 + 0 + 0.5 + 1, 0 + 1]
    assert found.best.tolist() == [1 + 0 + 1 + 1, 1 + 1]
    assert found.uniform.tolist() == [0.5 + 0 + 0.75 + 1, 0.5 + 1]
    assert found.queries.tolist() == [[3, 0], [1, 2]]
    assert found.shares[0, 0].tolist() == pytest.approx([1.9, 1.1, 0])
    assert found.shares[1].tolist() == [pytest.approx([0, 1, 0]), pytest.approx([0, 0.2, 1.8])]


def test_runs_add_up_though_one_is_longer() -> None:
    course = run(WORLD, [0, 0, 1, 1, 1, 2], shares=SHARES)
    short, long = curves(plan(WORLD, window_queries=6), course), curves(plan(WORLD), course)
    for both in (added([short, long]), added([long, short])):
        assert both.reached.tolist() == [2.5 + 3.5, 1]
        assert both.queries.tolist() == [[6, 0], [4, 2]]
        assert both.shares.sum() == pytest.approx(12)
