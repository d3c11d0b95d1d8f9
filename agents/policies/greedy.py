"""``greedy``: all traffic to the model with the best score so far.

What is unknown counts as one right and one wrong answer, plus the prior. It explores only what
the exploration budget gives, so it can stay with a model that was lucky at first: here to be
compared with.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.policies.policy import Proposal, largest, mean_scores, nothing_graded, prior_shares
from schemas.control import RoutingConfiguration
from schemas.routing_rule import PolicyState


def weigh(
    configuration: RoutingConfiguration, state: PolicyState, models: Sequence[str]
) -> Proposal:
    """1 for the model with the highest mean score, the prior while nothing is graded."""
    if nothing_graded(state, models):
        shares = prior_shares(configuration, models)
        return Proposal(weights=shares, reason="greedy: nothing graded yet, the prior")
    scores = mean_scores(configuration, state, models)
    best = largest(scores)
    return Proposal(
        weights={model: float(model == best) for model in models},
        reason=f"greedy: {best} has the best score, {scores[best]:.3f}",
        assigned=best,
    )
