"""What one draw's run leaves behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.evaluation.draws import Draw
from agents.evaluation.outcomes import Floats, Ints


@dataclass(frozen=True)
class Rule:
    """What measures read of a published rule; ``at`` is its newest window's end (0: the first)."""

    task: str
    at: int
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Run:
    """One draw's course.

    ``chosen``: the model's index by query; ``shares``: each model's propensity, by query.
    """

    draw: Draw
    chosen: Ints
    shares: Floats
    rules: Sequence[Rule]
