"""Which instants the loop's delay is between."""

from __future__ import annotations

import pytest

from agents.benchmarks.loop_delay import Seen, delays, first_routed, outcome_delays
from agents.benchmarks.processes import BenchError

SEEN = Seen(
    closed_at={1000: 1200, 2000: 2200},
    rules=[(1, 0, 50), (2, 1000, 1210), (3, 2000, 2230)],
    routed=[(60, 1), (900, 1), (1250, 2), (1240, 2), (2300, 3)],
    outcomes=[500, 1500],
)


def test_a_rule_is_first_used_by_its_earliest_decision() -> None:
    assert first_routed(SEEN.routed) == {1: 60, 2: 1240, 3: 2300}


def test_each_leg() -> None:
    found = delays(SEEN)
    assert found["closed_to_published_p50_ms"] == 10
    assert found["closed_to_published_p95_ms"] == 30
    assert found["published_to_routed_p50_ms"] == 30
    assert found["closed_to_routed_p95_ms"] == 100


def test_how_many_rules_and_outcomes_they_are() -> None:
    found = delays(SEEN)
    assert (found["rules"], found["outcomes"]) == (2, 2)


def test_no_figures_of_few_rules() -> None:
    half = Seen(SEEN.closed_at, SEEN.rules, [(60, 1), (1250, 2)], SEEN.outcomes)
    with pytest.raises(BenchError, match="queries came for 1 of 2 rules"):
        delays(half)
    nothing = Seen(SEEN.closed_at, SEEN.rules, SEEN.routed, [])
    with pytest.raises(BenchError, match="0 of 0 outcomes"):
        delays(nothing)


def test_an_outcome_waits_for_the_first_rule_that_has_its_window() -> None:
    assert list(outcome_delays(SEEN, first_routed(SEEN.routed))) == [740, 800]
    late = Seen(rules=SEEN.rules, routed=SEEN.routed, outcomes=[2000])
    assert list(outcome_delays(late, first_routed(late.routed))) == [], "its window isn't closed"
