"""What a policy is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents import scoring
from schemas.control import RoutingConfiguration
from schemas.routing_rule import ModelState, PolicyState
from schemas.wire import MILLION


@dataclass(frozen=True)
class Proposal:
    """Shares of the traffic, which sum to 1, with the reason in words.

    ``assigned``: the model that the policy regards as the task's, where it keeps one.
    """

    weights: Mapping[str, float]
    reason: str
    assigned: str | None = None


class Policy(Protocol):
    """Pure: the same arguments give the same proposal, bit for bit; no clock, no global random."""

    def __call__(
        self, configuration: RoutingConfiguration, state: PolicyState, models: Sequence[str]
    ) -> Proposal:
        """Shares for ``models``: the candidates that aren't excluded, sorted, at least one."""
        ...


def known(state: PolicyState, model: str) -> ModelState:
    """What is remembered of a model; nothing, for a new one."""
    return state.models.get(model, ModelState())


def prior_shares(configuration: RoutingConfiguration, models: Sequence[str]) -> dict[str, float]:
    """The configured prior over ``models``, renormalised; equal shares where it has none."""
    total = sum(configuration.prior.get(model, 0.0) for model in models)
    if total <= 0:
        return {model: 1 / len(models) for model in models}
    return {model: configuration.prior.get(model, 0.0) / total for model in models}


def largest(shares: Mapping[str, float]) -> str:
    """The model with the largest share; of equals the first by name."""
    return min(shares, key=lambda model: (-shares[model], model))


def prior_successes(configuration: RoutingConfiguration, models: Sequence[str]) -> dict[str, float]:
    """The prior as right answers that count beforehand: ``prior_mass`` for a model with all of it.

    None for one with no more than an equal share: a prior that prefers nobody says nothing.
    """
    even = 1 / len(models)
    return {
        model: configuration.prior_mass * max(0.0, share - even) / max(even, 1 - even)
        for model, share in prior_shares(configuration, models).items()
    }


def nothing_graded(state: PolicyState, models: Sequence[str]) -> bool:
    """Whether there is no grade and no failure of any of the models yet."""
    return not any(known(state, model).trials_micro for model in models)


def mean_scores(
    configuration: RoutingConfiguration, state: PolicyState, models: Sequence[str]
) -> dict[str, float]:
    """The objective at each model's mean rate, the prior and one right and one wrong included."""
    priors = prior_successes(configuration, models)
    scores: dict[str, float] = {}
    for model in models:
        remembered = known(state, model)
        right = priors[model] + remembered.reward_micro / MILLION + 1
        wrong = (remembered.trials_micro - remembered.reward_micro) / MILLION + 1
        scores[model] = scoring.worth(configuration, state, model)(right / (right + wrong))
    return scores
