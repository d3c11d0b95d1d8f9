"""Shares to weights: each bound by itself; whole millionths. Their order: test_tuning_bounds."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.shaping import cap, explore, lift, lower, step, to_micro
from schemas.wire import MILLION
from tests.agents.rule_parts import distributions

NAMES = st.frozensets(st.sampled_from("abcdef"))
PART = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.03, 1.0]))


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


floors = st.dictionaries(st.sampled_from("abcd"), st.floats(0, 0.25), max_size=4)


@given(distributions, floors)
@example({"a": 0.999, "b": 0.0, "c": 0.001}, {"a": 0.015, "b": 0.015})
@example({"a": 0.9, "b": 0.0, "c": 0.1}, {"a": 0.25, "b": 0.25})
def test_lifted_models_have_their_floors_and_others_do_not_gain(
    given: dict[str, float], floors: dict[str, float]
) -> None:
    before = normal(given)
    present = {name: floor for name, floor in floors.items() if name in given}
    after = lift(before, present)
    assert sum(after.values()) == pytest.approx(1)
    assert min(after.values()) >= 0
    others = set(given) - set(present)
    if present and sum(before[name] for name in others) > 0:
        assert all(after[name] >= floor - 1e-9 for name, floor in present.items())
        assert all(after[name] <= before[name] + 1e-9 for name in others)
    else:
        assert after == before


@pytest.mark.parametrize(
    ("given", "floors", "lifted"),
    [
        ({"a": 1.0, "b": 0.0}, {"b": 0.03}, {"a": 0.97, "b": 0.03}),
        ({"a": 0.6, "b": 0.3, "c": 0.1}, {"c": 0.4}, {"a": 0.4, "b": 0.2, "c": 0.4}),
        (
            {"a": 0.9, "b": 0.1, "c": 0.0},
            {"b": 0.05, "c": 0.05},
            {"a": 0.8526, "b": 0.0974, "c": 0.05},
        ),
        ({"a": 0.9, "b": 0.1, "c": 0.0}, {"c": 0.3}, {"a": 0.63, "b": 0.07, "c": 0.3}),
        ({"a": 0.5, "b": 0.5}, {"b": 0.03}, {"a": 0.5, "b": 0.5}),
        ({"a": 0.5, "b": 0.5}, {}, {"a": 0.5, "b": 0.5}),
        ({"a": 0.9, "b": 0.1}, {"a": 0.45, "b": 0.45}, {"a": 0.9, "b": 0.1}),
        (
            {"a": 1.0, "b": 0.0, "c": 0.0},
            {"a": 0.25, "b": 0.25},
            {"a": 1.0, "b": 0.0, "c": 0.0},
        ),
        (
            {"a": 0.999, "b": 0.0, "c": 0.001},
            {"a": 0.5, "b": 0.5},
            {"a": 0.5, "b": 0.5, "c": 0.0},
        ),
    ],
)
def test_lifted_shares(
    given: dict[str, float], floors: dict[str, float], lifted: dict[str, float]
) -> None:
    assert lift(given, floors) == pytest.approx(lifted, abs=1e-4)


@given(distributions, NAMES, PART)
@example({"a": 1.0, "b": 1e-17}, frozenset("a"), 0.1)
@example(dict.fromkeys("abcdef", 1.0), frozenset("abcdef"), 0.1)
def test_lowered_models_have_no_more_and_others_do_not_lose(
    given: dict[str, float], names: frozenset[str], together: float
) -> None:
    before, present = normal(given), names & set(given)
    after = lower(before, present, together)
    assert sum(after.values()) == pytest.approx(1)
    assert min(after.values()) >= 0
    if sum(before[name] for name in set(given) - present) > 0:
        assert sum(after[name] for name in present) <= together + 1e-9
        assert all(after[name] >= before[name] - 1e-9 for name in set(given) - present)
    else:
        assert after == before


@pytest.mark.parametrize(
    ("given", "names", "together", "lowered"),
    [
        ({"a": 0.2, "b": 0.8}, "b", 0.1, {"a": 0.9, "b": 0.1}),
        ({"a": 0.2, "b": 0.6, "c": 0.2}, "bc", 0.4, {"a": 0.6, "b": 0.3, "c": 0.1}),
        ({"a": 0.3, "b": 0.3, "c": 0.4}, "c", 0.0, {"a": 0.5, "b": 0.5, "c": 0.0}),
        ({"a": 0.95, "b": 0.05}, "b", 0.1, {"a": 0.95, "b": 0.05}),
        ({"a": 0.0, "b": 1.0}, "b", 0.1, {"a": 0.0, "b": 1.0}),
        ({"a": 0.4, "b": 0.6}, "ab", 0.1, {"a": 0.4, "b": 0.6}),
        ({"a": 0.4, "b": 0.6}, "", 0.1, {"a": 0.4, "b": 0.6}),
    ],
)
def test_lowered_shares(
    given: dict[str, float], names: str, together: float, lowered: dict[str, float]
) -> None:
    assert lower(given, list(names), together) == pytest.approx(lowered)


@given(distributions, st.floats(0, 1))
def test_a_cap_bounds_every_share_and_takes_from_nobody_below_it(
    given: dict[str, float], largest: float
) -> None:
    before = normal(given)
    after = cap(before, largest)
    limit = max(largest, 1 / len(given))
    assert sum(after.values()) == pytest.approx(1)
    assert 0 <= min(after.values()) <= max(after.values()) <= limit + 1e-9
    for name, share in before.items():
        assert after[name] >= min(share, limit) - 1e-9


@pytest.mark.parametrize(
    ("given", "largest", "capped"),
    [
        ({"a": 0.8, "b": 0.15, "c": 0.05}, 0.6, {"a": 0.6, "b": 0.3, "c": 0.1}),
        ({"a": 0.8, "b": 0.15, "c": 0.05}, 0.4, {"a": 0.4, "b": 0.4, "c": 0.2}),
        ({"a": 0.8, "b": 0.15, "c": 0.05}, 0.2, dict.fromkeys("abc", 1 / 3)),
        ({"a": 1.0, "b": 0.0, "c": 0.0}, 0.5, {"a": 0.5, "b": 0.25, "c": 0.25}),
        ({"a": 0.8, "b": 0.2}, 1.0, {"a": 0.8, "b": 0.2}),
        ({"a": 1.0}, 0.1, {"a": 1.0}),
    ],
)
def test_capped_shares(given: dict[str, float], largest: float, capped: dict[str, float]) -> None:
    assert cap(given, largest) == pytest.approx(capped)


@given(distributions, NAMES, st.floats(0, 1))
def test_the_last_get_only_what_the_others_cannot_hold(
    given: dict[str, float], names: frozenset[str], largest: float
) -> None:
    before, last = normal(given), names & set(given)
    after = cap(before, largest, last)
    limit = max(largest, 1 / len(given))
    assert sum(after.values()) == pytest.approx(1)
    assert 0 <= min(after.values()) <= max(after.values()) <= limit + 1e-9
    others_hold = limit * (len(given) - len(last))
    for name in last:
        assert after[name] <= max(before[name], (1 - others_hold) / len(last)) + 1e-9


@pytest.mark.parametrize(
    ("given", "largest", "last", "capped"),
    [
        ({"a": 0.85, "b": 0.05, "c": 0.1}, 0.8, "c", {"a": 0.8, "b": 0.1, "c": 0.1}),
        ({"a": 0.85, "b": 0.05, "c": 0.1}, 0.4, "c", {"a": 0.4, "b": 0.4, "c": 0.2}),
        ({"a": 0.9, "b": 0.1}, 0.6, "b", {"a": 0.6, "b": 0.4}),
        ({"a": 0.1, "b": 0.9}, 0.6, "b", {"a": 0.4, "b": 0.6}),
        ({"a": 1.0, "b": 0.0, "c": 0.0}, 0.6, "c", {"a": 0.6, "b": 0.4, "c": 0.0}),
    ],
)
def test_capped_shares_with_some_at_the_end(
    given: dict[str, float], largest: float, last: str, capped: dict[str, float]
) -> None:
    assert cap(given, largest, last) == pytest.approx(capped)
