"""``ucb``: optimism by KL-UCB, for a whole window at a time.

Garivier and Cappé, "The KL-UCB algorithm for bounded stochastic bandits and beyond", COLT 2011:
each model's index is the highest rate that its outcomes don't rule out at the level log(t). The
rule must hold for a window, so the window is dealt out in ``PULLS`` turns: each goes to the
highest index, which then counts that turn as outcomes with the mean that is known. The shares
of turns are the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from agents import scoring
from agents.policies.policy import Proposal, known, largest, nothing_graded, prior_shares
from schemas.control import RoutingConfiguration
from schemas.routing_rule import PolicyState
from schemas.wire import MILLION

PULLS = 32
WINDOW_SHARE = 0.1
HALVINGS = 24
EDGE = 1e-9


def weigh(
    configuration: RoutingConfiguration, state: PolicyState, models: Sequence[str]
) -> Proposal:
    """Shares of turns; the prior while nothing is graded."""
    if nothing_graded(state, models):
        shares = prior_shares(configuration, models)
        return Proposal(weights=shares, reason="ucb: nothing graded yet, the prior")
    arms = {model: _Arm(configuration, state, model) for model in models}
    total = sum(arm.trials for arm in arms.values())
    turn = max(1.0, WINDOW_SHARE * total / PULLS)
    level = math.log(max(math.e, total))
    indices = {model: arm.index(level) for model, arm in arms.items()}
    turns = dict.fromkeys(models, 0)
    for _ in range(PULLS):
        model = largest(indices)
        turns[model] += 1
        arms[model].trials += turn
        indices[model] = arms[model].index(level)
    leader = largest({model: float(count) for model, count in turns.items()})
    return Proposal(
        weights={model: count / PULLS for model, count in turns.items()},
        reason=f"ucb: {leader} has the highest bound, {arms[leader].index(level):.3f}",
        assigned=leader,
    )


class _Arm:
    """A model's mean rate, how often it was tried, and what a unit of rate is worth."""

    def __init__(self, configuration: RoutingConfiguration, state: PolicyState, model: str) -> None:
        remembered = known(state, model)
        self.trials = remembered.trials_micro / MILLION
        self.mean = scoring.accuracy(remembered) or 0.0
        self.worth = scoring.worth(configuration, state, model)

    def index(self, level: float) -> float:
        """The score at the highest rate that ``trials`` outcomes don't rule out."""
        if self.trials <= 0:
            return self.worth(1.0)
        low, high = self.mean, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if self.trials * divergence(self.mean, middle) > level:
                high = middle
            else:
                low = middle
        return self.worth(low)


def divergence(p: float, q: float) -> float:
    """Kullback-Leibler divergence of Bernoulli(q) from Bernoulli(p), in nats."""
    p, q = min(max(p, EDGE), 1 - EDGE), min(max(q, EDGE), 1 - EDGE)
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
