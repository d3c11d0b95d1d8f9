"""``ucb``: bounds that are right, and turns that go where least is known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policies.ucb import PULLS, divergence, weigh
from tests.agents.rule_parts import configuration, state

MODELS = ("a", "b", "c")
PAIR = configuration(candidates=["a", "b"])


def test_divergence() -> None:
    assert divergence(0.5, 0.5) == 0
    assert divergence(0.5, 0.75) == pytest.approx(0.5 * math.log(4 / 3))
    assert divergence(0.0, 0.5) == pytest.approx(math.log(2), rel=1e-6)
    assert math.isfinite(divergence(0.0, 1.0))
    assert math.isfinite(divergence(1.0, 0.0))


@given(st.floats(0, 1), st.floats(0, 1))
def test_divergence_is_at_least_pinskers(p: float, q: float) -> None:
    assert divergence(p, q) >= 2 * (p - q) ** 2 - 1e-6


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_of_equal_means_the_less_tried_gets_more(rate: float) -> None:
    known = state(a=(80 * rate, 80 * (1 - rate)), b=(20 * rate, 20 * (1 - rate)))
    shares = weigh(PAIR, known, ["a", "b"]).weights
    assert shares["b"] > shares["a"]


def test_of_equally_tried_the_better_gets_more_and_equals_get_the_same() -> None:
    better = weigh(configuration(), state(a=(30, 10), b=(29, 11), c=(20, 20)), MODELS).weights
    assert better["a"] > better["b"] > better["c"] == 0
    equal = weigh(PAIR, state(a=(30, 10), b=(30, 10)), ["a", "b"]).weights
    assert equal == {"a": 0.5, "b": 0.5}


def test_what_was_never_tried_is_tried_first_but_does_not_take_all() -> None:
    shares = weigh(configuration(), state(a=(80, 20), b=(50, 50)), MODELS).weights
    assert shares["a"] > shares["c"] > 0
    assert shares["b"] == 0
    assert all(share * PULLS == round(share * PULLS) for share in shares.values())


def test_much_evidence_leaves_nothing_to_the_worse() -> None:
    shares = weigh(configuration(), state(a=(9e5, 1e5), b=(8e5, 2e5), c=(5e5, 5e5)), MODELS).weights
    assert shares == {"a": 1.0, "b": 0.0, "c": 0.0}


def test_the_bound_is_where_the_evidence_ends() -> None:
    """100 outcomes at a half, level log(100): n * kl(.5, bound) = log(n)."""
    proposal = weigh(configuration(candidates=["a"]), state(a=(50, 50)), ["a"])
    bound = float(proposal.reason.rsplit(maxsplit=1)[-1])
    trials = 100 + PULLS * 1.0
    assert trials * divergence(0.5, bound) == pytest.approx(math.log(100), rel=0.02)


def test_the_objective_weighs_the_bounds() -> None:
    known = state(a=(80, 20, 8.0), b=(70, 30, 1.0))
    fast = configuration(candidates=["a", "b"], objective="inverse-latency")
    assert weigh(fast, known, ["a", "b"]).weights == {"a": 0.0, "b": 1.0}
