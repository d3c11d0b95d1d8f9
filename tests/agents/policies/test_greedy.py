"""``greedy`` and ``epsilon-greedy``, case by case."""

from __future__ import annotations

import pytest

from agents.policies import epsilon_greedy, greedy
from schemas.routing_rule import PolicyState
from tests.agents.rule_parts import configuration, state

MODELS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("known", "best", "score"),
    [
        # right plus one, over right and wrong plus two
        (state(a=(8, 2), b=(6, 4)), "a", 0.750),
        (state(a=(1, 9), b=(2, 8)), "c", 0.500),  # what is unknown is one right and one wrong
        (state(a=(1, 0), b=(90, 10)), "b", 0.892),  # one right answer isn't sureness
        (state(a=(5, 5), b=(5, 5), c=(5, 5)), "a", 0.500),
        (state(c=(0.5, 0)), "c", 0.600),
    ],
)
def test_all_goes_to_the_best_mean(known: PolicyState, best: str, score: float) -> None:
    proposal = greedy.weigh(configuration(), known, MODELS)
    assert proposal.weights == {name: float(name == best) for name in MODELS}
    assert proposal.assigned == best
    assert proposal.reason == f"greedy: {best} has the best score, {score:.3f}"


def test_the_prior_counts_as_right_answers() -> None:
    known = state(a=(7, 3), b=(8, 2))
    assert greedy.weigh(configuration(), known, MODELS).assigned == "b"
    prior = configuration(prior={"a": 1.0}, prior_mass=10)
    assert greedy.weigh(prior, known, MODELS).assigned == "a"
    assert greedy.weigh(prior, state(a=(70, 30), b=(80, 20)), MODELS).assigned == "b"


def test_the_objective_decides_what_is_best() -> None:
    known = state(a=(9, 1, 8.0), b=(7, 3, 2.0), c=(1, 9, 1.0))
    assert greedy.weigh(configuration(), known, MODELS).assigned == "a"
    fast = configuration(objective="inverse-latency")
    assert greedy.weigh(fast, known, MODELS).assigned == "b"


@pytest.mark.parametrize(
    ("epsilon", "shares"),
    [
        (0.1, {"a": 0.1 / 3, "b": 0.9 + 0.1 / 3, "c": 0.1 / 3}),
        (0.0, {"a": 0.0, "b": 1.0, "c": 0.0}),
        (1.0, dict.fromkeys("abc", 1 / 3)),
    ],
)
def test_a_fixed_share_is_dealt_out_evenly(epsilon: float, shares: dict[str, float]) -> None:
    given = configuration(epsilon=epsilon)
    proposal = epsilon_greedy.weigh(given, state(b=(8, 2)), MODELS)
    assert proposal.weights == pytest.approx(shares)
    assert proposal.assigned == "b"
    assert proposal.reason == f"epsilon-greedy ({epsilon:g}): b has the best score, 0.750"
