"""From windows to rules: what is remembered, what people order, what holds a leader."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.policies import POLICIES
from agents.tuning import Orders, digest, next_rule
from schemas.routing_rule import Inputs, RoutingRule
from schemas.window_score import ModelSummary
from schemas.wire import INT_MAX, MILLION, decode, encode
from tests.agents.rule_parts import (
    MODELS,
    configuration,
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


def leader(rule: RoutingRule) -> str:
    """The model with the largest weight."""
    return max(rule.weights, key=rule.weights.__getitem__)


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
    objective=st.sampled_from(["accuracy", "balanced", "inverse-latency"]),
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
    paned = rules_of(*[GOOD_A] * 5, epoch_windows=1, panes=2)
    assert [rule.epoch for rule in paned] == [0, 0, 1, 1, 2, 2]


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


@pytest.mark.parametrize(("panes", "step"), [(1, 0.1), (4, 0.025)])
def test_the_largest_step_bounds_each_window_of_a_task_that_is_known(
    panes: int, step: float
) -> None:
    """What is known of 600 grades leads to b; then a is far better."""
    many = {name: summary(200, 0.9 if name == "b" else 0.1) for name in MODELS}
    better = {"a": summary(20000, 1.0), "b": summary(20000, 0.6)}
    rules = rules_of(many, *[better] * 4, largest_step=0.1, panes=panes)[1:]
    leaders = [shares(rule)["a"] for rule in rules]
    assert leaders == pytest.approx([step * number for number in range(5)], abs=1e-4)


def test_a_cold_task_learns_in_steps_of_any_size() -> None:
    rules = rules_of(GOOD_A, largest_step=0.01)
    assert shares(rules[-1])["a"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        ({"dwell_windows": 3}, "a stays: changed less than dwell_windows ago"),
        ({"min_samples": 500}, "a stays: b has fewer than min_samples"),
        ({"margin": 0.9}, "a stays: a gain of 0."),
    ],
)
def test_what_holds_a_leader(changes: dict[str, Any], stays: str) -> None:
    held = rules_of(GOOD_A, GOOD_B, discount=0.1, **changes)[-1]
    free = rules_of(GOOD_A, GOOD_B, discount=0.1)[-1]
    assert stays in held.reason
    assert (leader(held), leader(free)) == ("a", "b")


def test_a_held_leader_changes_when_the_dwell_time_is_over() -> None:
    rules = rules_of(GOOD_A, *[GOOD_B] * 4, discount=0.1, dwell_windows=3)
    assert [leader(rule) for rule in rules] == ["a", "a", "a", "b", "b", "b"]
    paned = rules_of(GOOD_A, *[GOOD_B] * 4, discount=0.01, dwell_windows=1, panes=3)
    assert [leader(rule) for rule in paned][:3] == ["a", "a", "a"]
    assert leader(paned[3]) == "b"


def test_the_dwell_time_counts_from_the_last_change() -> None:
    rules = rules_of(GOOD_A, *[GOOD_B] * 3, *[GOOD_A] * 3, discount=0.01, dwell_windows=3)
    assert "".join(leader(rule) for rule in rules) == "aaabbbaa"
