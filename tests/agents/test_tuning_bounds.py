"""Rules within the configuration's bounds, and which of them wins where not all can hold.

The order is: exploration, probe, cold models, largest share, largest step; the later wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.detection import has_fallen
from agents.policies import POLICIES
from agents.tuning import COLD_TRIALS, WARM_TASK_TRIALS, Orders, next_rule
from schemas.control import RoutingConfiguration
from schemas.routing_rule import Inputs, ModelState, RoutingRule
from schemas.window_score import ModelSummary
from schemas.wire import MILLION, encode
from tests.agents.rule_parts import MODELS, configuration, shares, summary, window, windows

ROUNDING = 2e-6
each_policy = pytest.mark.parametrize("policy", POLICIES)


def bounded(**changes: Any) -> RoutingConfiguration:
    """All the bounds at once."""
    usual: dict[str, Any] = {
        "objective": "balanced",
        "exploration": 0.03,
        "detection": True,
        "probe": 0.05,
        "cold_share": 0.1,
        "largest_share": 0.8,
        "sharpness": 3.0,
        "prior": {"a": 1.0},
        "prior_mass": 4.0,
        "panes": 2,
    }
    return configuration(**usual | changes)


def follow(
    given: RoutingConfiguration,
    previous: RoutingRule | None,
    *seen: Mapping[str, ModelSummary],
    orders: Orders | None = None,
) -> list[RoutingRule]:
    """The rules after so many windows more."""
    rules: list[RoutingRule] = []
    for models in seen:
        previous = next_rule(
            given, orders or Orders(), previous, window(len(rules), models), Inputs()
        )
        rules.append(previous)
    return rules


def trials(rule: RoutingRule, name: str) -> float:
    """Grades that are known of a model."""
    return rule.state.models.get(name, ModelState()).trials_micro / MILLION


def fallen(rule: RoutingRule) -> list[str]:
    """The rule's models that an alarm stands for."""
    return [n for n in rule.weights if has_fallen(rule.state.models.get(n, ModelState()))]


def is_cold(rule: RoutingRule) -> bool:
    """Whether little is known of the task."""
    return sum(trials(rule, name) for name in rule.weights) < WARM_TASK_TRIALS


def cold(rule: RoutingRule) -> list[str]:
    """The models that hardly anything is known of, in a task that much is known of."""
    if is_cold(rule):
        return []
    return [name for name in rule.weights if trials(rule, name) < COLD_TRIALS]


@each_policy
@settings(max_examples=60, deadline=None)
@given(seen=st.lists(windows, min_size=1, max_size=6), excluded=st.sampled_from(["", "a", "bc"]))
def test_every_policys_rules_keep_the_bounds(
    policy: str, seen: list[dict[str, ModelSummary]], excluded: str
) -> None:
    given = bounded(policy=policy)
    orders = Orders(excluded=frozenset(excluded))
    rules = follow(given, None, *seen, orders=orders)
    again = follow(given, None, *seen, orders=orders)
    assert [encode(rule) for rule in rules] == [encode(rule) for rule in again]
    for rule in rules:
        found = shares(rule)
        assert sum(rule.weights.values()) == MILLION
        assert set(found).isdisjoint(excluded)
        assert max(found.values()) <= max(0.8, 1 / len(found)) + ROUNDING
        new = cold(rule)
        if new and len(new) < len(found) - 1:  # else largest_share wins
            assert sum(found[name] for name in new) <= 0.1 + ROUNDING
        if not new:
            down = fallen(rule)
            assert min(found.values()) >= 0.03 / len(found) - ROUNDING
            if down and len(down) < len(found):
                assert sum(found[name] for name in down) >= 0.05 - ROUNDING


@settings(max_examples=200, deadline=None)
@given(
    seen=st.lists(windows, min_size=2, max_size=6),
    largest_step=st.sampled_from([0.0, 0.05, 0.3]),
    policy=st.sampled_from(sorted(POLICIES)),
)
def test_the_step_bounds_every_rule_of_a_warm_task_but_those_of_an_alarm(
    seen: list[dict[str, ModelSummary]], largest_step: float, policy: str
) -> None:
    rules = follow(bounded(policy=policy, largest_step=largest_step), None, *seen)
    for before, after in pairwise(rules):
        moves = [abs(shares(after)[name] - shares(before)[name]) for name in MODELS]
        if not is_cold(before) and after.state.alarm_window != after.state.windows:
            assert max(moves) <= largest_step / 2 + ROUNDING


GOOD = {"a": summary(40, 0.9), "b": summary(40, 0.6), "c": summary(40, 0.6)}
A_FELL = GOOD | {"a": summary(40, 0.2)}


def test_an_alarm_is_not_held_back() -> None:
    held = {"largest_step": 0.01, "dwell_windows": 50, "min_samples": 1000, "margin": 0.9}
    given = bounded(**held, prior={"a": 0.6, "b": 0.2, "c": 0.2})
    *_, before, at, after = follow(given, None, *[GOOD] * 4, A_FELL, A_FELL)
    assert at.state.alarm_window == at.state.windows
    assert fallen(at) == ["a"]
    assert at.reason.endswith("; fallen: a")
    assert shares(before)["a"] > 0.5
    assert shares(at)["a"] == pytest.approx(0.05, abs=ROUNDING)
    assert after.state.alarm_window < after.state.windows
    assert max(abs(shares(after)[n] - shares(at)[n]) for n in MODELS) <= 0.005 + ROUNDING


def test_without_detection_the_same_fall_is_held_back() -> None:
    given = bounded(detection=False, largest_step=0.01, prior={"a": 0.6, "b": 0.2, "c": 0.2})
    *_, before, at = follow(given, None, *[GOOD] * 4, A_FELL)
    assert shares(before)["a"] - shares(at)["a"] <= 0.005 + ROUNDING


EQUAL = {"a": summary(60, 0.8, 0.5), "b": summary(20, 0.7, 0.5), "c": summary(20, 0.7, 0.5)}

WATCHED: dict[str, Any] = {
    "largest_step": 0.02,
    "latency_weight": 0.4,
    "latency_target_s": 1.0,
    "service_discount": 0.5,
}


def test_a_model_that_becomes_slow_of_itself_is_left_at_once() -> None:
    given = bounded(**WATCHED)
    slow = EQUAL | {"a": summary(60, 0.8, 4.5)}
    *_, before, at, after = follow(given, None, *[EQUAL] * 4, slow, slow)
    assert shares(before)["a"] > 0.5
    assert shares(at)["a"] < 0.2
    assert at.reason.endswith("; suddenly slow: a")
    assert at.state.models["a"].slowed_window == at.state.windows
    assert "slow" not in after.reason
    assert max(abs(shares(after)[n] - shares(at)[n]) for n in MODELS) <= 0.01 + ROUNDING


@pytest.mark.parametrize(
    ("changes", "slow"),
    [
        ({}, summary(180, 0.8, 4.5)),
        ({}, summary(60, 0.8, 0.8)),
        ({}, summary(4, 0.8, 4.5)),
        ({"objective": "accuracy"}, summary(60, 0.8, 4.5)),
        ({"detection": False}, summary(60, 0.8, 4.5)),
    ],
    ids=["more load", "a little slower", "few answers", "speed is worth nothing", "not watched"],
)
def test_what_is_not_a_model_become_slow(changes: dict[str, Any], slow: ModelSummary) -> None:
    given = bounded(**WATCHED | changes)
    *_, before, at = follow(given, None, *[EQUAL] * 4, EQUAL | {"a": slow})
    assert at.state.models["a"].slowed_window == 0
    assert max(abs(shares(at)[n] - shares(before)[n]) for n in MODELS) <= 0.01 + ROUNDING


@pytest.mark.parametrize("policy", sorted(set(POLICIES) - {"seed"}))
def test_a_new_model_enters_a_warm_task_with_a_small_share(policy: str) -> None:
    """However good it seems, and though the prior is all its own."""
    *_, before = follow(bounded(policy=policy, candidates=["a", "b"]), None, *[GOOD] * 3)
    given = bounded(policy=policy, candidates=["a", "b", "new"], prior={"new": 1.0})
    lucky = GOOD | {"new": summary(9, 1.0)}
    entered, still = follow(given, before, GOOD, lucky)
    assert 0.015 - ROUNDING <= shares(entered)["new"] <= 0.1 + ROUNDING
    assert shares(still)["new"] <= 0.1 + ROUNDING
    (known,) = follow(given, still, GOOD | {"new": summary(100, 1.0)})
    assert shares(known)["new"] > 0.2


def test_the_likelier_a_fallen_model_is_back_the_more_it_is_probed() -> None:
    given = bounded(candidates=["a", "b"], largest_share=1.0)
    down = {"a": summary(200, 0.9), "b": summary(40, 0.1)}
    good = {"a": summary(200, 0.9), "b": summary(1, 1.0)}
    before = {"a": summary(200, 0.7), "b": summary(200, 0.9)}
    *_, low, first, second, third = follow(given, None, before, before, down, good, good, good)
    assert [fallen(rule) for rule in (low, first, second, third)] == [["b"]] * 4
    probes = [shares(rule)["b"] for rule in (low, first, second, third)]
    assert probes[0] == pytest.approx(0.05, abs=ROUNDING)
    assert probes == sorted(set(probes))
    assert 0.15 < probes[-1] < 0.5


def test_fallen_models_together_are_not_probed_with_more_than_half() -> None:
    given = bounded(largest_share=1.0)
    before = {"a": summary(200, 0.8), "b": summary(200, 0.9), "c": summary(200, 0.9)}
    down = {"a": summary(200, 0.8), "b": summary(60, 0.1), "c": summary(60, 0.1)}
    good = {"b": summary(5, 1.0), "c": summary(5, 1.0)}
    rule = follow(given, None, before, before, down, good)[-1]
    assert fallen(rule) == ["b", "c"]
    assert shares(rule)["b"] + shares(rule)["c"] == pytest.approx(0.5, abs=0.05)


def test_without_a_probe_a_fallen_model_gets_none() -> None:
    given = bounded(candidates=["a", "b"], largest_share=1.0, probe=0.0, exploration=0.0)
    before = {"a": summary(200, 0.7), "b": summary(200, 0.9)}
    down = {"a": summary(200, 0.9), "b": summary(60, 0.1)}
    rule = follow(given, None, before, before, down, {"b": summary(3, 1.0)})[-1]
    assert fallen(rule) == ["b"]
    assert shares(rule)["b"] < 0.01


def test_in_a_cold_task_nobody_is_new() -> None:
    given = bounded(prior={"c": 1.0}, largest_share=1.0)
    (rule,) = follow(given, None, {"a": summary(20, 0.1)})
    assert shares(rule)["c"] > 0.5


@pytest.mark.parametrize(("largest_share", "most"), [(0.4, 0.4), (0.1, 1 / 3), (1.0, 0.97)])
def test_no_model_gets_more_than_the_largest_share(largest_share: float, most: float) -> None:
    rule = follow(bounded(largest_share=largest_share), None, *[GOOD] * 5)[-1]
    assert max(shares(rule).values()) == pytest.approx(most, abs=ROUNDING)


def test_the_largest_share_wins_over_the_cold_share() -> None:
    given = bounded(candidates=["a", "new"], largest_share=0.6)
    rule = follow(given, None, *[{"a": summary(200, 0.9)}] * 3)[-1]
    assert shares(rule) == pytest.approx({"a": 0.6, "new": 0.4}, abs=ROUNDING)


def test_the_cold_share_wins_over_exploration_and_probe() -> None:
    given = bounded(cold_share=0.01, exploration=0.2)
    rule = follow(given, None, *[{"a": summary(200, 0.5), "b": summary(200, 0.5)}] * 3)[-1]
    assert shares(rule)["c"] == pytest.approx(0.01, abs=ROUNDING)


def test_the_step_wins_over_all_that_is_before_it() -> None:
    *_, before = follow(bounded(largest_share=1.0), None, *[GOOD] * 5)
    (after,) = follow(bounded(largest_share=0.5, largest_step=0.1), before, GOOD)
    assert shares(after)["a"] == pytest.approx(shares(before)["a"] - 0.05, abs=ROUNDING)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0.5, 1))
def test_bounds_that_can_all_hold_do(exploration: float, probe: float, largest: float) -> None:
    """Two warm models, one of them fallen, and a third that is new."""
    seen = {"a": summary(200, 0.9), "b": summary(200, 0.8)}
    given = bounded(exploration=exploration, probe=probe, largest_share=largest)
    rule = follow(given, None, seen, seen, seen | {"b": summary(40, 0.1)})[-1]
    found = shares(rule)
    assert (fallen(rule), cold(rule)) == (["b"], ["c"])
    assert found["a"] <= min(largest, 1 - exploration) + ROUNDING
    assert found["b"] >= probe - ROUNDING
    assert exploration / 2 * (1 - probe) - ROUNDING <= found["c"] <= 0.1 + ROUNDING


@pytest.mark.parametrize("orders", [Orders(pinned="c"), Orders(frozen=True)])
@each_policy
def test_pins_and_freezes_are_beyond_all_bounds(policy: str, orders: Orders) -> None:
    *_, before = follow(bounded(policy=policy), None, *[GOOD] * 3)
    (rule,) = follow(bounded(policy=policy, largest_share=0.4), before, A_FELL, orders=orders)
    assert rule.weights == ({"c": MILLION} if orders.pinned else before.weights)
    assert rule.state.windows == before.state.windows + 1
