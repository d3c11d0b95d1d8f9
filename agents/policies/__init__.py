"""How traffic is shared: pure functions from what is known to weights, one policy per file."""

from __future__ import annotations

from collections.abc import Mapping

from agents.policies import epsilon_greedy, greedy, seed, static, thompson, ucb
from agents.policies.policy import Policy

POLICIES: Mapping[str, Policy] = {
    "epsilon-greedy": epsilon_greedy.weigh,
    "greedy": greedy.weigh,
    "seed": seed.weigh,
    "static": static.weigh,
    "thompson": thompson.weigh,
    "ucb": ucb.weigh,
}
"""By the name that ``routing.policy`` takes."""
