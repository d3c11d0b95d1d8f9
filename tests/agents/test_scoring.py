"""Objectives over what is remembered of a model."""

from __future__ import annotations

import pytest

from agents import scoring
from schemas.routing_rule import ModelState, PolicyState
from schemas.wire import MILLION, encode
from tests.agents.rule_parts import configuration, state

FAST = state(a=(9, 1, 0.5)).models["a"]
FAILS_FAST = ModelState(
    trials_micro=100 * MILLION,
    outcomes_micro=100 * MILLION,
    errors_micro=100 * MILLION,
    response_time_us_micro=100 * 1_000 * MILLION,
)


def score(objective: str, known: ModelState) -> float | None:
    """The objective's value for a task's only model."""
    found = PolicyState(models={"a": known})
    return scoring.score(configuration(objective=objective), found, "a")


def scale(objective: str, known: ModelState) -> float:
    """What one unit of accuracy is worth."""
    found = PolicyState(models={"a": known})
    return scoring.worth(configuration(objective=objective), found, "a").scale


def test_means() -> None:
    assert scoring.accuracy(FAST) == pytest.approx(0.9)
    assert scoring.response_time_s(FAST) == pytest.approx(0.5)
    assert scoring.error_rate(FAST) == 0
    assert scoring.error_rate(FAILS_FAST) == 1


def test_objectives() -> None:
    assert score("accuracy", FAST) == pytest.approx(0.9)
    assert score("inverse-latency", FAST) == pytest.approx(1.8)
    assert score("inverse-latency", FAILS_FAST) == 0


def test_what_is_unknown_is_none() -> None:
    nothing, ungraded = ModelState(), ModelState(outcomes_micro=1, response_time_us_micro=1)
    for objective in ("accuracy", "inverse-latency"):
        assert score(objective, nothing) is None
        assert score(objective, ungraded) is None
    assert score("inverse-latency", ModelState(trials_micro=1, reward_micro=1)) is None
    assert scoring.error_rate(nothing) is None
    assert (
        encode(scoring.model_score(configuration(), PolicyState(), "a"))
        == b'{"samples":0.0,"outcomes":0.0}'
    )


def test_no_time_at_all_is_no_infinite_score() -> None:
    instant = state(a=(9, 1, 0.0)).models["a"]
    assert score("inverse-latency", instant) is None
    assert scale("inverse-latency", instant) > 0


def test_scales() -> None:
    assert scale("accuracy", FAST) == 1
    assert scale("inverse-latency", ModelState()) == 1 / scoring.UNKNOWN_RESPONSE_TIME_S
    many = state(a=(900, 100, 0.5)).models["a"]
    assert scale("inverse-latency", many) == pytest.approx(2, rel=0.01)


def test_failing_fast_is_not_being_fast() -> None:
    assert scale("inverse-latency", FAILS_FAST) == pytest.approx(1, rel=0.1)


def test_what_a_rule_shows() -> None:
    shown = scoring.model_score(
        configuration(objective="inverse-latency"), PolicyState(models={"a": FAST}), "a"
    )
    assert shown.score_micro == 1_800_000
    assert (shown.samples, shown.outcomes) == (10, 10)
    assert shown.accuracy_micro == 900_000
    assert shown.response_time_us == 500_000
    assert shown.error_micro == 0
