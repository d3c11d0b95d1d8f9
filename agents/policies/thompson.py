"""``thompson``: each model's share is its probability of being the best, sharpened.

Thompson sampling (Thompson 1933; Russo et al., "A Tutorial on Thompson Sampling", 2018) draws a
model with the probability that it is the best under the posterior. A rule publishes these
probabilities as weights instead of drawing, so that each decision's propensity is known. They
are computed by quadrature, not by sampling: the same state gives the same bits. Raising them to
a power that grows with the evidence, up to ``sharpness``, gives up exploration that no longer
pays (and that the exploration budget covers); ``sharpness`` 1 is plain Thompson sampling.

Posterior of a model's reward rate: Beta(1 + prior + reward, 1 + trials - reward), with the
discounted sums of the state; a fractional reward counts as a fraction of a success.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents import scoring
from agents.policies.policy import (
    Proposal,
    known,
    largest,
    nothing_graded,
    prior_shares,
    prior_successes,
)
from schemas.control import RoutingConfiguration
from schemas.routing_rule import PolicyState
from schemas.wire import MILLION

CELLS = 96
HALF_OPEN = 20
DEVIATIONS = 12.0

Floats = NDArray[np.float64]


class Curves(NamedTuple):
    """Distribution functions, one row per model: rates, increasing, and the chance to be below.

    Each row has its own range, so that a narrow posterior is resolved as well as a wide one.
    """

    rates: Floats
    below: Floats


def weigh(
    configuration: RoutingConfiguration, state: PolicyState, models: Sequence[str]
) -> Proposal:
    """Probabilities of being best, to the power of ``sharpness``; the prior without any grades."""
    if nothing_graded(state, models):
        shares = prior_shares(configuration, models)
        return Proposal(weights=shares, reason="thompson: nothing graded yet, the prior")
    states = [known(state, model) for model in models]
    priors = prior_successes(configuration, models)
    curves = posteriors(
        [
            priors[model] + one.reward_micro / MILLION
            for model, one in zip(models, states, strict=True)
        ],
        [(one.trials_micro - one.reward_micro) / MILLION for one in states],
    )
    best = probability_best(
        curves, [scoring.worth(configuration, state, model) for model in models]
    )
    sharp = best ** exponent(configuration.sharpness, sum(one.trials_micro for one in states))
    shares = dict(zip(models, (sharp / sharp.sum()).tolist(), strict=True))
    leader = largest(shares)
    chance = float(best[list(models).index(leader)])
    return Proposal(
        weights=shares,
        reason=f"thompson: {leader} is the best with probability {chance:.2f}",
        assigned=leader,
    )


def exponent(sharpness: float, trials_micro: int) -> float:
    """The power that probabilities are raised to: from 1 (Thompson's own), up to ``sharpness``.

    It grows by 1 whenever the evidence doubles, from ``HALF_OPEN`` grades on: while little is
    known exploring pays for long, later it hardly does.
    """
    return min(sharpness, 1 + math.log2(1 + trials_micro / MILLION / HALF_OPEN))


def posteriors(successes: Sequence[float], failures: Sequence[float]) -> Curves:
    """Beta(1 + successes, 1 + failures) for each model, over all of it that matters."""
    a, b = np.array(successes)[:, None] + 1, np.array(failures)[:, None] + 1
    mean = a / (a + b)
    reach = DEVIATIONS * np.sqrt(mean * (1 - mean) / (a + b + 1))
    low, high = np.maximum(mean - reach, 0.0), np.minimum(mean + reach, 1.0)
    rates = low + (high - low) * np.linspace(0.0, 1.0, CELLS + 1)
    middles = (rates[:, 1:] + rates[:, :-1]) / 2
    density = (a - 1) * np.log(middles) + (b - 1) * np.log1p(-middles)
    mass = np.exp(density - density.max(axis=1, keepdims=True))
    below = np.zeros_like(rates)
    np.cumsum(mass, axis=1, out=below[:, 1:])
    return Curves(rates, below / below[:, -1:])


def probability_best(curves: Curves, worths: Sequence[scoring.Worth]) -> Floats:
    """P(worth_i(rate_i) is the largest) for each i, by integration over all models' points.

    Args:
        curves: one row per model.
        worths: what a rate is worth, increasing (scale > 0), one per model.

    Returns:
        As many probabilities, which sum to 1.
    """
    lines = np.array(worths)
    values = curves.rates * lines[:, :1] + lines[:, 1:]
    scores = np.sort(values, axis=None)
    below = np.array([np.interp(scores, *row) for row in zip(values, curves.below, strict=True)])
    steps = np.diff(below, axis=1)
    middles = (below[:, 1:] + below[:, :-1]) / 2
    chances = np.array(
        [
            step @ np.prod(np.delete(middles, index, axis=0), axis=0)
            for index, step in enumerate(steps)
        ]
    )
    return np.asarray(chances / chances.sum(), dtype=np.float64)
