"""``thompson``: the probabilities are right, finite and fair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.policies.thompson import exponent, posteriors, probability_best, weigh
from agents.scoring import Worth
from agents.tuning import Orders, next_rule
from schemas.routing_rule import Inputs, RoutingRule
from schemas.window_score import ModelSummary
from schemas.wire import MILLION
from tests.agents.rule_parts import configuration, shares, state, summary, window

counts = st.one_of(st.floats(0, 50), st.floats(0, 1e6), st.sampled_from([0.0, 1e-6, 1e6]))
arms = st.lists(
    st.tuples(counts, counts, st.sampled_from([1e-4, 0.01, 1.0, 1.3, 1e4])),
    min_size=1,
    max_size=6,
)
DRAWS = 200_000


def best(*arms: tuple[float, float, float]) -> list[float]:
    """P(best) of models with (successes, failures, scale)."""
    successes, failures, scales = zip(*arms, strict=True)
    worths = [Worth(scale) for scale in scales]
    found: list[float] = probability_best(posteriors(successes, failures), worths).tolist()
    return found


def drawn(*arms: tuple[float, float, float]) -> list[float]:
    """The same, by drawing from numpy's Beta with a fixed seed."""
    random = np.random.default_rng(7)
    draws = [random.beta(1 + s, 1 + f, DRAWS) * scale for s, f, scale in arms]
    winners = np.bincount(np.argmax(draws, axis=0), minlength=len(arms))
    return [float(count) / DRAWS for count in winners]


@settings(max_examples=300, deadline=None)
@given(arms)
@example([(0.0, 1e6, 1e4), (1e6, 0.0, 1e-4)])
def test_probabilities_sum_to_one_and_are_finite(arms: list[tuple[float, float, float]]) -> None:
    found = best(*arms)
    assert all(math.isfinite(one) and 0 <= one <= 1 for one in found)
    assert sum(found) == pytest.approx(1)


@settings(max_examples=200, deadline=None)
@given(arms, st.randoms(use_true_random=False))
def test_the_order_of_the_models_does_not_matter(
    arms: list[tuple[float, float, float]], random: object
) -> None:
    order = list(range(len(arms)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = best(*(arms[number] for number in order))
    assert shuffled == pytest.approx([best(*arms)[number] for number in order], abs=1e-9)


@pytest.mark.parametrize(
    "arms",
    [
        [(1.0, 1.0, 1.0), (5.0, 0.0, 1.0), (0.0, 0.0, 1.0), (3.0, 9.0, 1.0)],
        [(85.0, 15.0, 1.0), (75.0, 25.0, 1.0), (70.0, 30.0, 1.0), (65.0, 35.0, 1.0)],
        [(800_000.0, 200_000.0, 1.0), (801_000.0, 199_000.0, 1.0)],
        [(10.5, 2.3, 1.0)] * 3,
        [(3.0, 1.0, 1.0), (90.0, 10.0, 2.0), (2.0, 8.0, 9.0)],
        [(0.0, 20.0, 1e4), (90.0, 10.0, 1.0)],
        [(0.0, 1e6, 1e4), (9.0, 1.0, 1.0)],
        [(0.0, 3e4, 1e4), (90.0, 10.0, 0.5)],
    ],
)
def test_they_are_what_drawing_gives(arms: list[tuple[float, float, float]]) -> None:
    assert best(*arms) == pytest.approx(drawn(*arms), abs=0.005)


@given(
    trials=st.floats(1, 1e5),
    rate=st.floats(0, 0.9),
    gain=st.floats(0.01, 0.1),
    scale=st.sampled_from([1.0, 0.01]),
)
def test_the_better_of_two_gets_more(trials: float, rate: float, gain: float, scale: float) -> None:
    worse = (trials * rate, trials * (1 - rate), scale)
    better = (trials * (rate + gain), trials * (1 - rate - gain), scale)
    found = best(worse, better)
    assert found[1] > 0.5 > found[0]


def test_without_grades_it_is_the_prior() -> None:
    settings = configuration(prior={"a": 0.7, "b": 0.2, "c": 0.1})
    proposal = weigh(settings, state(), "abc")
    assert proposal.weights == pytest.approx(settings.prior)
    assert proposal.assigned is None


def test_the_prior_counts_as_so_many_successes() -> None:
    settings = configuration(prior={"a": 0.8, "b": 0.1, "c": 0.1}, prior_mass=20)
    few = weigh(settings, state(a=(1, 1), b=(2, 0), c=(1, 1)), "abc").weights
    many = weigh(settings, state(a=(100, 100), b=(200, 0), c=(100, 100)), "abc").weights
    assert few["a"] > 0.5 > few["b"]
    assert many["b"] > 0.99


def test_sharpness_gives_more_to_the_leader_and_nothing_to_equals() -> None:
    known = state(a=(8, 2), b=(6, 4), c=(5, 5))
    plain, sharp = (
        weigh(configuration(sharpness=power), known, "abc").weights for power in (1.0, 2.0)
    )
    assert sharp["a"] > plain["a"] > plain["b"] > sharp["b"]
    assert sharp["a"] / sharp["b"] == pytest.approx((plain["a"] / plain["b"]) ** 2)
    equal = weigh(configuration(sharpness=10.0), state(a=(8, 2), b=(8, 2), c=(8, 2)), "abc")
    assert equal.weights == pytest.approx(dict.fromkeys("abc", 1 / 3))


def run(windows: int, models: dict[str, ModelSummary], objective: str) -> RoutingRule:
    """The rule after so many windows alike."""
    rule = None
    settings = configuration(objective=objective, discount=0.98, prior_mass=4.0)
    for number in range(windows):
        rule = next_rule(settings, Orders(), rule, window(number, models), Inputs())
    assert rule is not None
    return rule


@pytest.mark.parametrize("objective", ["accuracy", "inverse-latency"])
@pytest.mark.parametrize("failing_s", [0.001, 1.0, 120.0])
def test_a_model_that_only_fails_loses_its_share(objective: str, failing_s: float) -> None:
    seen = {
        "a": ModelSummary(outcomes=20, errors=20, response_time_us=round(20 * failing_s * MILLION)),
        "b": summary(20, 0.6, 8.0),
        "c": summary(20, 0.6, 8.0),
    }
    assert shares(run(10, seen, objective))["a"] < 0.001


def test_under_inverse_latency_the_faster_of_two_as_good_gets_more() -> None:
    seen = {"a": summary(20, 0.8, 8.0), "b": summary(20, 0.8, 2.0), "c": summary(20, 0.1, 2.0)}
    assert shares(run(5, seen, "inverse-latency"))["b"] > 0.99
    assert shares(run(5, seen, "accuracy"))["b"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("sharpness", "trials", "power"),
    [(6.0, 0, 1.0), (6.0, 20, 2.0), (6.0, 60, 3.0), (6.0, 10_000, 6.0), (1.0, 60, 1.0)],
)
def test_the_power_grows_with_the_evidence(sharpness: float, trials: int, power: float) -> None:
    assert exponent(sharpness, trials * MILLION) == pytest.approx(power)
