"""``thompson``: each model's share is its probability of being the best, sharpened.

Thompson sampling (Thompson 1933; Russo et al., "A Tutorial on Thompson Sampling", 2018) draws a
model with the probability that it is the best under the posterior. A rule publishes these
probabilities as weights instead of drawing, so that each decision's propensity is known. They
are computed by quadrature, not by sampling: the same state gives the same bits. Raising them to
the power ``sharpness`` gives up exploration that the exploration budget covers already.

Posterior of a model's reward rate: Beta(1 + prior + reward, 1 + trials - reward), with the
discounted sums of the state; a fractional reward counts as a fraction of a success.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents import scoring
from agents.policies.policy import Proposal, known, largest, prior_shares
from schemas.control import RoutingConfiguration
from schemas.routing_rule import ModelState, PolicyState
from schemas.wire import MILLION

GRID_POINTS = 1024

Curve = NDArray[np.float64]


def weigh(
    configuration: RoutingConfiguration, state: PolicyState, models: Sequence[str]
) -> Proposal:
    """Probabilities of being best, to the power of ``sharpness``; the prior without any grades."""
    priors = prior_shares(configuration, models)
    if not any(known(state, model).trials_micro for model in models):
        return Proposal(weights=priors, reason="thompson: nothing graded yet, the prior")
    curves = [
        _posterior(known(state, model), configuration.prior_mass * priors[model])
        for model in models
    ]
    scales = [scoring.scale(configuration.objective, known(state, model)) for model in models]
    best = probability_best(curves, scales)
    sharp = best**configuration.sharpness
    shares = dict(zip(models, (sharp / sharp.sum()).tolist(), strict=True))
    leader = largest(shares)
    chance = float(best[list(models).index(leader)])
    return Proposal(
        weights=shares,
        reason=f"thompson: {leader} is the best with probability {chance:.2f}",
        assigned=leader,
    )


def _posterior(known_state: ModelState, prior_successes: float) -> Curve:
    """The distribution function of the reward rate at the grid's points from 0 to 1."""
    successes = prior_successes + known_state.reward_micro / MILLION
    failures = (known_state.trials_micro - known_state.reward_micro) / MILLION
    edges = np.linspace(0.0, 1.0, GRID_POINTS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    density = successes * np.log(middles) + failures * np.log1p(-middles)
    mass = np.exp(density - density.max())
    return np.concatenate(([0.0], np.cumsum(mass) / mass.sum()))


def probability_best(curves: Sequence[Curve], scales: Sequence[float]) -> Curve:
    """P(scale_i x rate_i is the largest) for each i, by integration over the score's range.

    Args:
        curves: distribution functions on an even grid over 0..1, one per model.
        scales: what one unit of rate is worth, > 0, one per model.

    Returns:
        As many probabilities, which sum to 1.
    """
    grid = np.linspace(0.0, 1.0, GRID_POINTS + 1)
    scores = np.linspace(0.0, max(scales), 2 * GRID_POINTS + 1)
    at_scores = np.array(
        [
            np.interp(scores / scale, grid, curve)
            for curve, scale in zip(curves, scales, strict=True)
        ]
    )
    steps = np.diff(at_scores, axis=1)
    middles = (at_scores[:, 1:] + at_scores[:, :-1]) / 2
    chances = np.array(
        [
            (steps[index] * np.prod(np.delete(middles, index, axis=0), axis=0)).sum()
            for index in range(len(curves))
        ]
    )
    return np.asarray(chances / chances.sum(), dtype=np.float64)
