"""How traffic is shared: pure functions from what is known to weights, one policy per file."""

from __future__ import annotations

from collections.abc import Mapping

from agents.policies import seed, static, thompson
from agents.policies.policy import Policy

POLICIES: Mapping[str, Policy] = {
    "seed": seed.weigh,
    "static": static.weigh,
    "thompson": thompson.weigh,
}
"""By the name that ``routing.policy`` takes."""
