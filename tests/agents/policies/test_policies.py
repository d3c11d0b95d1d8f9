"""What every policy keeps to, whatever is known."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.policies import POLICIES
from schemas.routing_rule import ModelState, PolicyState
from schemas.wire import INT_MAX, MILLION
from streams.sections import PolicyName
from tests.agents.rule_parts import MODELS, configuration, state

each_policy = pytest.mark.parametrize("policy", POLICIES)
OBJECTIVES = ["accuracy", "balanced", "inverse-latency"]

sums = st.one_of(st.integers(0, 100 * MILLION), st.sampled_from([0, 1, 10**12, 10**15]))


@st.composite
def known_models(draw: st.DrawFn) -> ModelState:
    """Any model that windows can lead to: parts are never more than their wholes."""
    trials, outcomes, weight = draw(sums), draw(sums), draw(sums)
    return ModelState(
        trials_micro=trials,
        reward_micro=draw(st.integers(0, trials)),
        outcomes_micro=outcomes,
        errors_micro=draw(st.integers(0, outcomes)),
        response_time_us_micro=draw(st.one_of(sums, st.just(INT_MAX))),
        service_weight_micro=weight,
        service_micro=draw(st.integers(0, weight)),
        cost_nano=draw(st.one_of(sums, st.just(INT_MAX))),
    )


states = st.builds(
    PolicyState,
    models=st.dictionaries(st.sampled_from([*MODELS, "stranger"]), known_models()),
    assigned=st.sampled_from([None, *MODELS, "stranger"]),
)
NEVER = ModelState(trials_micro=10**15)
ALWAYS = ModelState(trials_micro=10**15, reward_micro=10**15)


def test_the_settings_know_the_same_names() -> None:
    assert sorted(POLICIES) == sorted(PolicyName.__args__)  # type: ignore[attr-defined]


@each_policy
@settings(max_examples=80, deadline=None)
@given(
    known=states,
    models=st.sets(st.sampled_from(MODELS), min_size=1).map(sorted),
    objective=st.sampled_from(OBJECTIVES),
    prior=st.sampled_from([{}, {"a": 1.0}, {"a": 0.2, "b": 0.8}]),
    mass=st.sampled_from([0.0, 4.0, 1000.0]),
    sharpness=st.sampled_from([0.1, 1.0, 10.0]),
)
@example(PolicyState(models={"a": NEVER, "b": NEVER}), ["a", "b"], "accuracy", {}, 0.0, 10.0)
@example(PolicyState(models={"a": ALWAYS, "b": NEVER}), ["a", "b"], "balanced", {}, 0.0, 10.0)
@example(PolicyState(models={"a": ALWAYS}), ["a", "b", "c"], "inverse-latency", {}, 0.0, 1.0)
def test_shares_are_sound_and_the_same_every_time(
    policy: str,
    known: PolicyState,
    models: list[str],
    objective: str,
    prior: dict[str, float],
    mass: float,
    sharpness: float,
) -> None:
    given = configuration(
        objective=objective, prior=prior, prior_mass=mass, sharpness=sharpness, latency_weight=0.3
    )
    proposal = POLICIES[policy](given, known, models)
    assert list(proposal.weights) == models
    assert sum(proposal.weights.values()) == pytest.approx(1)
    assert all(math.isfinite(share) and share >= 0 for share in proposal.weights.values())
    assert proposal == POLICIES[policy](given, known, models)
    assert proposal.assigned in (None, *models)
    assert proposal.reason.startswith(policy)


@each_policy
@pytest.mark.parametrize("known", [state(), state(a=(3, 4)), state(b=(5, 5))])
def test_one_model_gets_all(policy: str, known: PolicyState) -> None:
    assert POLICIES[policy](configuration(), known, ["a"]).weights == {"a": 1.0}


@each_policy
def test_who_knows_nothing_follows_the_prior(policy: str) -> None:
    given = configuration(prior={"b": 1.0})
    even = 0.1 / 3 if policy == "epsilon-greedy" else 0.0
    proposal = POLICIES[policy](given, PolicyState(), MODELS)
    assert proposal.weights == pytest.approx({"a": even, "b": 1 - 2 * even, "c": even})


@pytest.mark.parametrize("policy", ["epsilon-greedy", "greedy", "thompson", "ucb"])
def test_who_learns_finds_the_best(policy: str) -> None:
    found = POLICIES[policy](configuration(), state(a=(50, 50), b=(95, 5), c=(60, 40)), MODELS)
    assert found.assigned == "b"
    assert found.weights["b"] > 0.9
