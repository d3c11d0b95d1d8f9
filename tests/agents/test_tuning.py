"""From windows to rules: shares, steps, what is remembered, and what people order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.policies import POLICIES
from agents.tuning import Orders, digest, explore, next_rule, observe, step, to_micro
from schemas.routing_rule import Inputs, ModelState, PolicyState, RoutingRule
from schemas.window_score import ModelSummary
from schemas.wire import INT_MAX, MILLION, decode, encode
from tests.agents.rule_parts import (
    MODELS,
    configuration,
    distributions,
    shares,
    summary,
    window,
    windows,
)

GOOD_A = {"a": summary(50, 0.9), "b": summary(50, 0.2), "c": summary(50, 0.2)}
GOOD_B = {"a": summary(50, 0.2), "b": summary(50, 0.9), "c": summary(50, 0.2)}


def rules_of(
    *seen: dict[str, ModelSummary], orders: Orders | None = None, **changes: Any
) -> list[RoutingRule]:
    """The rule from nothing, then one for each window."""
    rules: list[RoutingRule] = []
    for number, models in enumerate([None, *seen]):
        given = window(number, models) if models is not None else None
        previous = rules[-1] if rules else None
        rules.append(
            next_rule(configuration(**changes), orders or Orders(), previous, given, Inputs())
        )
    return rules


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


@given(st.lists(windows, max_size=5), st.floats(0.01, 1))
def test_rewards_stay_between_nothing_and_trials(
    seen: list[dict[str, ModelSummary]], discount: float
) -> None:
    state = PolicyState()
    for number, models in enumerate(seen):
        state = observe(configuration(discount=discount), state, window(number, models))
    assert state.windows == len(seen)
    for model in state.models.values():
        assert 0 <= model.reward_micro <= model.trials_micro
        assert 0 <= model.errors_micro <= model.outcomes_micro


def test_a_failure_is_a_trial_without_reward_and_what_is_old_counts_less() -> None:
    settings = configuration(discount=0.5)
    once = observe(settings, PolicyState(), window(0, {"a": summary(8, 0.75, 2.0, errors=2)}))
    assert once.models["a"] == ModelState(
        trials_micro=10 * MILLION,
        reward_micro=6 * MILLION,
        outcomes_micro=10 * MILLION,
        errors_micro=2 * MILLION,
        response_time_us_micro=20 * MILLION * MILLION,
    )
    twice = observe(settings, once, window(1, {}))
    assert twice.models["a"].trials_micro == 5 * MILLION
    assert twice.models["a"].response_time_us_micro == 10 * MILLION * MILLION


def test_a_long_memory_never_outgrows_the_wire() -> None:
    """1,000 answers a second of 3 s each: the sum of the times passed 2**63 in under two days."""
    busy = {"a": summary(60_000, 0.9, 3.0), "b": summary(60_000, 0.9, 3.0)}
    rule = rules_of(*[busy] * 200)[-1]
    assert decode(RoutingRule, encode(rule)) == rule
    assert rule.scores["a"].response_time_us == 3 * MILLION
    absurd = {"a": ModelSummary(outcomes=1, response_time_us=INT_MAX)}
    assert decode(RoutingRule, encode(rules_of(absurd)[-1]))


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=40, deadline=None)
@given(
    seen=st.lists(windows, min_size=1, max_size=4),
    objective=st.sampled_from(["accuracy", "inverse-latency"]),
    exploration=st.sampled_from([0.0, 0.02, 1.0]),
    largest_step=st.sampled_from([0.0, 0.1, 1.0]),
    excluded=st.frozensets(st.sampled_from(MODELS)),
)
def test_rules_are_sound_and_made_alike_every_time(
    policy: str,
    seen: list[dict[str, ModelSummary]],
    objective: str,
    exploration: float,
    largest_step: float,
    excluded: frozenset[str],
) -> None:
    def made() -> list[RoutingRule]:
        return rules_of(
            *seen,
            orders=Orders(excluded=excluded),
            policy=policy,
            objective=objective,
            exploration=exploration,
            largest_step=largest_step,
            discount=0.98,
        )

    rules = made()
    assert [encode(rule) for rule in rules] == [encode(rule) for rule in made()]
    assert [rule.version for rule in rules] == list(range(1, len(seen) + 2))
    for rule in rules:
        assert decode(RoutingRule, encode(rule)) == rule
        assert set(rule.weights) == (set(MODELS) - excluded or set(MODELS))
        assert set(rule.scores) == set(MODELS)


def test_a_rule_says_what_it_stands_on() -> None:
    rule = rules_of(GOOD_A)[-1]
    assert (rule.window_start_at, rule.window_end_at) == (60_000, 120_000)
    assert rule.configuration_digest == digest(configuration())
    assert rule.configuration_digest != digest(configuration(margin=0.1))
    assert rule.scores["a"].accuracy_micro == 900_000
    assert rule.scores["a"].samples == 50
    assert rule.reason == "thompson: a is the best with probability 1.00"


def test_a_rule_after_a_control_keeps_the_window_and_the_memory() -> None:
    before = rules_of(GOOD_A)[-1]
    after = next_rule(configuration(), Orders(frozen=True), before, None, Inputs())
    assert (after.version, after.window_end_at) == (before.version + 1, before.window_end_at)
    assert after.state == before.state


def test_the_epoch_changes_every_so_many_windows() -> None:
    rules = rules_of(*[GOOD_A] * 5, epoch_windows=2)
    assert [rule.epoch for rule in rules] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("orders", "weights", "reason"),
    [
        (Orders(pinned="c"), {"c": MILLION}, "pinned to c"),
        (Orders(pinned="c", frozen=True), {"c": MILLION}, "pinned to c"),
        (Orders(frozen=True), {"a": 333_334, "b": 333_333, "c": 333_333}, "frozen"),
        (Orders(excluded=frozenset("a")), {"b": 500_000, "c": 500_000}, "thompson: b"),
        (Orders(pinned="a", excluded=frozenset("a")), {"b": 500_000, "c": 500_000}, "thompson: b"),
        (Orders(pinned="nobody"), {"a": MILLION, "b": 0, "c": 0}, "thompson: a"),
    ],
)
def test_orders(orders: Orders, weights: dict[str, int], reason: str) -> None:
    first = rules_of()[-1]
    rule = next_rule(configuration(), orders, first, window(1, GOOD_A), Inputs())
    assert rule.weights == weights
    assert rule.reason.startswith(reason)
    assert rule.state.models["a"].trials_micro == 50 * MILLION  # it goes on learning


def test_when_all_are_excluded_none_is() -> None:
    rule = rules_of(GOOD_A, orders=Orders(excluded=frozenset(MODELS)))[-1]
    assert rule.weights["a"] == MILLION
    assert rule.reason.endswith("every candidate is excluded, so none is")


def test_a_pin_and_its_end_are_taken_at_once_whatever_the_largest_step() -> None:
    first = rules_of(GOOD_A, largest_step=0.1)[-1]
    settings = configuration(largest_step=0.1)
    pinned = next_rule(settings, Orders(pinned="c"), first, None, Inputs())
    assert pinned.weights == {"c": MILLION}
    unpinned = next_rule(settings, Orders(), pinned, None, Inputs())
    assert shares(unpinned)["a"] == pytest.approx(1, abs=1e-3)


def test_the_largest_step_bounds_each_window() -> None:
    rules = rules_of(*[GOOD_A] * 4, largest_step=0.1)
    leaders = [shares(rule)["a"] for rule in rules]
    assert leaders == pytest.approx([1 / 3 + 0.1 * number for number in range(5)], abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        ({"dwell_windows": 3}, "a stays: changed less than dwell_windows ago"),
        ({"min_samples": 500}, "a stays: b has fewer than min_samples"),
        ({"margin": 0.9}, "a stays: a gain of 0."),
    ],
)
def test_what_holds_a_leader(changes: dict[str, Any], stays: str) -> None:
    rules = rules_of(GOOD_A, *[GOOD_B] * 2, discount=0.1, **{"dwell_windows": 0} | changes)
    held = rules[-1] if "min_samples" not in changes else rules[1]
    assert stays in held.reason or "min_samples" in changes
    assert max(rules[2].weights, key=rules[2].weights.__getitem__) == "a"


def test_a_held_leader_changes_when_the_dwell_time_is_over() -> None:
    rules = rules_of(GOOD_A, *[GOOD_B] * 4, discount=0.1, dwell_windows=3)
    leaders = [max(rule.weights, key=rule.weights.__getitem__) for rule in rules]
    assert leaders == ["a", "a", "a", "b", "b", "b"]
