"""``static``: the configured prior, whatever happens."""

from __future__ import annotations

from collections.abc import Sequence

from agents.policies.policy import Proposal, prior_shares
from schemas.control import RoutingConfiguration
from schemas.routing_rule import PolicyState


def weigh(
    configuration: RoutingConfiguration,
    state: PolicyState,  # noqa: ARG001 - a policy's signature
    models: Sequence[str],
) -> Proposal:
    """The prior's shares."""
    return Proposal(weights=prior_shares(configuration, models), reason="static: the prior")
