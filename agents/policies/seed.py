"""``seed``: the starting idea's rule, exactly.

After every answer (model, response time, accuracy) is collected; score = (1 / response time) x
accuracy; periodically, per task, if the best score is below 0.8, the task is reassigned to the
best model. The score uses the means of all that was collected (no forgetting when
``routing.discount`` is 1), in 1/s: it has no upper bound, and a fast model scores above 0.8
however often it is wrong. The rule is kept as it was stated; the default policy is better.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents import scoring
from agents.policies.policy import Proposal, known, largest, prior_shares
from schemas.control import RoutingConfiguration
from schemas.routing_rule import PolicyState


def weigh(
    configuration: RoutingConfiguration, state: PolicyState, models: Sequence[str]
) -> Proposal:
    """All traffic to the assigned model: the prior's largest until the rule reassigns it."""
    scores = {
        model: score
        for model in models
        if (score := scoring.inverse_latency(known(state, model))) is not None
    }
    assigned = state.assigned
    if assigned is None or assigned not in models:
        assigned = largest(prior_shares(configuration, models))
    assigned, reason = _reassign(assigned, scores, configuration.seed_threshold)
    weights = {model: float(model == assigned) for model in models}
    return Proposal(weights=weights, reason=f"seed: {reason}", assigned=assigned)


def _reassign(assigned: str, scores: dict[str, float], threshold: float) -> tuple[str, str]:
    if not scores:
        return assigned, f"no scores yet, {assigned} stays"
    best = largest(scores)
    if scores[best] >= threshold:
        return assigned, (
            f"best score {scores[best]:.3f} of {best} is not below {threshold:g}, {assigned} stays"
        )
    verb = "stays on" if best == assigned else "reassigned to"
    return best, f"best score {scores[best]:.3f} is below {threshold:g}, {verb} {best}"
