"""``epsilon-greedy``: the best model so far, but for a fixed share dealt out evenly.

Sutton and Barto, "Reinforcement Learning", 2nd ed. 2018, section 2.2; the share is
``routing.epsilon``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agents.policies import greedy
from agents.policies.policy import Proposal
from schemas.control import RoutingConfiguration
from schemas.routing_rule import PolicyState


def weigh(
    configuration: RoutingConfiguration, state: PolicyState, models: Sequence[str]
) -> Proposal:
    """The greedy shares times 1 - epsilon, plus epsilon in equal parts."""
    proposal = greedy.weigh(configuration, state, models)
    epsilon = configuration.epsilon
    even = epsilon / len(models)
    weights = {name: (1 - epsilon) * share + even for name, share in proposal.weights.items()}
    reason = proposal.reason.replace("greedy:", f"epsilon-greedy ({epsilon:g}):", 1)
    return replace(proposal, weights=weights, reason=reason)
