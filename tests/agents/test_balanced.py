"""The objective ``balanced``: quality, service and price by their weights, in 0..1."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import scoring
from agents.tuning import Orders, next_rule
from schemas.control import RoutingConfiguration
from schemas.routing_rule import Inputs, ModelState, PolicyState, RoutingRule
from schemas.wire import MILLION
from tests.agents.rule_parts import configuration, shares, summary, window

NANO = 1_000_000_000


def balanced(
    quality: float = 0.8, latency: float = 0.15, price: float = 0.05, **changes: Any
) -> RoutingConfiguration:
    """The default's weights, unless said otherwise."""
    return configuration(
        objective="balanced",
        quality_weight=quality,
        latency_weight=latency,
        price_weight=price,
        service_discount=0.5,
        **changes,
    )


def model(rate: float, service: float, cost_usd: float = 0.0) -> ModelState:
    """100 outcomes with this rate, mean service, and price each."""
    return ModelState(
        trials_micro=100 * MILLION,
        reward_micro=round(rate * 100 * MILLION),
        service_weight_micro=100 * MILLION,
        service_micro=round(service * 100 * MILLION),
        cost_nano=round(cost_usd * 100 * NANO),
    )


def score(settings: RoutingConfiguration, name: str = "a", **models: ModelState) -> float | None:
    """The score of one of the models."""
    return scoring.score(settings, PolicyState(models=models), name)


fractions = st.floats(0, 1)
models = st.builds(model, fractions, fractions, st.floats(0, 100))
weights = st.floats(0, 100)


@given(st.floats(0.01, 100), weights, weights, st.dictionaries(st.sampled_from("abc"), models))
def test_it_is_a_fraction(
    quality: float, latency: float, price: float, known: dict[str, ModelState]
) -> None:
    settings = balanced(quality, latency, price)
    for name in known:
        found = score(settings, name, **known)
        assert found is not None
        assert 0 <= found <= 1 + 1e-9
    line = scoring.worth(settings, PolicyState(models=known), "a")
    assert 0 <= line(0.0) <= line(1.0) <= 1 + 1e-9


@given(models, st.floats(0.01, 100), weights, weights, st.floats(0.01, 100))
def test_only_the_proportions_of_the_weights_count(
    known: ModelState, quality: float, latency: float, price: float, times: float
) -> None:
    one = score(balanced(quality, latency, price), a=known)
    other = score(balanced(quality * times, latency * times, price * times), a=known)
    assert one == pytest.approx(other)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (balanced(1, 0, 0), 0.6),
        (balanced(1, 1, 0), (0.6 + 0.25) / 2),
        (balanced(1, 0, 1), (0.6 + 0.75) / 2),
        (balanced(2, 1, 1), (2 * 0.6 + 0.25 + 0.75) / 4),
        (balanced(), 0.8 * 0.6 + 0.15 * 0.25 + 0.05 * 0.75),
    ],
)
def test_each_part_by_its_weight(settings: RoutingConfiguration, expected: float) -> None:
    known = {"a": model(0.6, 0.25, 1.0), "b": model(0.9, 0.9, 4.0)}
    assert score(settings, "a", **known) == pytest.approx(expected)


def test_the_dearest_has_nothing_for_its_price_and_what_is_free_has_all() -> None:
    settings = balanced(1, 0, 1)
    known = {"a": model(0.6, 0.5), "b": model(0.6, 0.5, 2.0), "c": model(0.6, 0.5, 0.5)}
    assert score(settings, "a", **known) == pytest.approx(0.8)
    assert score(settings, "b", **known) == pytest.approx(0.3)
    assert score(settings, "c", **known) == pytest.approx(0.3 + 0.5 * 0.75)
    assert score(settings, "a", a=model(0.6, 0.5)) == pytest.approx(0.8)  # all free


def test_what_is_unknown_counts_as_a_half() -> None:
    graded = ModelState(trials_micro=MILLION, reward_micro=MILLION)
    assert score(balanced(0.5, 0.25, 0.25), a=graded, b=model(1, 1, 1)) == pytest.approx(0.75)
    line = scoring.worth(balanced(0.5, 0.25, 0.25), PolicyState(), "nobody")
    assert line == pytest.approx((0.5, 0.25))
    assert score(balanced(), a=ModelState(service_weight_micro=1)) is None


def rules(*seconds: float) -> list[RoutingRule]:
    """Two models alike, but that the first takes so long in each of the windows."""
    settings = balanced(candidates=["a", "b"], sharpness=3.0, exploration=0.02, latency_target_s=4)
    found: list[RoutingRule] = []
    for number, a_s in enumerate(seconds):
        seen = window(number, {"a": summary(40, 0.8, a_s), "b": summary(40, 0.8, 2.0)})
        previous = found[-1] if found else None
        found.append(next_rule(settings, Orders(), previous, seen, Inputs()))
    return found


def test_nine_times_the_latency_is_left_within_two_windows() -> None:
    steady = rules(*[1.9] * 6)[-1]
    slower = rules(*[1.9] * 4, *[17.1] * 2)
    assert shares(steady)["a"] > 0.5
    assert shares(slower[3])["a"] > 0.5
    before, after = slower[3].scores["a"].score_micro, slower[5].scores["a"].score_micro
    assert before is not None
    assert after is not None
    assert after < before - 40_000
    assert shares(slower[5])["a"] < 0.1
    assert shares(slower[5])["b"] > 0.9
