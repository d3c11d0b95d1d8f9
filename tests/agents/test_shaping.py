"""Shares to weights: the exploration budget, the largest step, whole millionths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.shaping import explore, step, to_micro
from schemas.wire import MILLION
from tests.agents.rule_parts import distributions


def normal(given: dict[str, float]) -> dict[str, float]:
    """The same, with the sum 1."""
    total = sum(given.values())
    return {name: share / total for name, share in given.items()}


@given(distributions)
def test_millionths_sum_to_exactly_a_million(given: dict[str, float]) -> None:
    micro = to_micro(given)
    assert sum(micro.values()) == MILLION
    exact = normal(given)
    assert all(abs(micro[name] - exact[name] * MILLION) < 1.001 for name in given)


@pytest.mark.parametrize(
    ("given", "micro"),
    [
        ({"a": 1.0}, {"a": MILLION}),
        ({"c": 1, "a": 1, "b": 1}, {"a": 333_334, "b": 333_333, "c": 333_333}),
        ({"a": 0.0, "b": 5.0}, {"a": 0, "b": MILLION}),
    ],
)
def test_millionths(given: dict[str, float], micro: dict[str, int]) -> None:
    assert to_micro(given) == micro


@given(distributions, st.floats(0, 1))
def test_exploration_leaves_its_budget_to_the_others(
    given: dict[str, float], exploration: float
) -> None:
    explored = explore(normal(given), exploration)
    assert sum(explored.values()) == pytest.approx(1)
    equal = 1 / len(given)
    floor = 0.0 if len(given) == 1 else min(exploration / (len(given) - 1), equal)
    assert min(explored.values()) >= floor - 1e-12
    others = 1 - max(explored.values())
    assert others >= min(exploration, 1 - equal) * (len(given) > 1) - 1e-9


@given(distributions, st.floats(0, 1))
def test_exploration_keeps_the_order_of_the_models(
    given: dict[str, float], exploration: float
) -> None:
    before, after = normal(given), explore(normal(given), exploration)
    for one in given:
        for other in given:
            if before[one] > before[other]:
                assert after[one] >= after[other] - 1e-12


@pytest.mark.parametrize(
    ("given", "exploration", "explored"),
    [
        ({"a": 1.0, "b": 0.0, "c": 0.0}, 0.02, {"a": 0.98, "b": 0.01, "c": 0.01}),
        ({"a": 0.6, "b": 0.4}, 0.02, {"a": 0.6, "b": 0.4}),
        ({"a": 1.0, "b": 0.0}, 1.0, {"a": 0.5, "b": 0.5}),
        ({"a": 1.0, "b": 0.0, "c": 0.0}, 1.0, dict.fromkeys("abc", 1 / 3)),
        ({"a": 1.0}, 0.5, {"a": 1.0}),
        ({"a": 1.0, "b": 0.0}, 0.0, {"a": 1.0, "b": 0.0}),
    ],
)
def test_explored_shares(
    given: dict[str, float], exploration: float, explored: dict[str, float]
) -> None:
    assert explore(given, exploration) == pytest.approx(explored)


@given(distributions, distributions, st.floats(0, 1))
def test_no_share_moves_by_more_than_a_step(
    before: dict[str, float], after: dict[str, float], largest: float
) -> None:
    stepped = step(normal(before), normal(after), largest)
    assert set(stepped) == set(after)
    assert sum(stepped.values()) == pytest.approx(1)
    assert min(stepped.values()) >= 0
    left = {name: before.get(name, 0.0) for name in after}
    if sum(left.values()) > 1e-9:
        starts = normal(left)
        assert max(abs(stepped[name] - starts[name]) for name in after) <= largest + 1e-9


def test_a_step_from_models_that_are_all_gone_goes_all_the_way() -> None:
    assert step({"x": 1.0}, {"a": 0.7, "b": 0.3}, 0.0) == {"a": 0.7, "b": 0.3}
