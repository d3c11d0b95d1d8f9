"""What counts as good: an objective as a ratio of two sums over decisions.

``accuracy``: the mean grade. ``inverse-latency``: grades per second spent. ``balanced``: the mean
of quality, service and price by the settings' weights, as ``agents.scoring`` has them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from agents.whatif.choices import Choice
from streams.settings import Settings, Task

Parts = tuple[float, float]
"""A decision's numerator and denominator; NaN where it isn't known."""

UNKNOWN = (math.nan, math.nan)


def worths(objective: str, choices: Sequence[Choice], settings: Settings) -> list[Parts]:
    """Each choice's parts. The dearest model of a task, in its mean, sets the scale of prices."""
    dearest = _dearest(choices) if objective == "balanced" else {}
    return [_parts(objective, choice, settings, dearest) for choice in choices]


def _parts(
    objective: str, choice: Choice, settings: Settings, dearest: Mapping[str, float]
) -> Parts:
    grade = choice.grade
    if grade is None:
        return UNKNOWN
    if objective == "accuracy":
        return grade, 1.0
    if choice.response_time_s is None:
        return UNKNOWN
    if objective == "inverse-latency":
        return grade, choice.response_time_s
    return _balanced(choice, grade, settings, dearest.get(choice.task, 0.0)), 1.0


def _balanced(choice: Choice, grade: float, settings: Settings, dearest: float) -> float:
    routing = settings.routing
    weights = (routing.quality_weight, routing.latency_weight, routing.price_weight)
    target_s = settings.tasks.get(choice.task, Task()).latency_target_s
    seconds = choice.response_time_s or 0.0
    service = 1 / (1 + seconds / target_s) if choice.ok else 0.0
    cheapness = 1 - (choice.cost_usd or 0.0) / dearest if dearest > 0 else 1.0
    parts = (grade, service, 0.5 if choice.cost_usd is None else cheapness)
    return sum(w * part for w, part in zip(weights, parts, strict=True)) / sum(weights)


def _dearest(choices: Sequence[Choice]) -> dict[str, float]:
    """By task, the greatest of its models' mean costs, in USD."""
    costs: dict[tuple[str, str], list[float]] = {}
    for choice in choices:
        if choice.cost_usd is not None:
            costs.setdefault((choice.task, choice.model), []).append(choice.cost_usd)
    dearest: dict[str, float] = {}
    for (task, _), given in costs.items():
        dearest[task] = max(dearest.get(task, 0.0), math.fsum(given) / len(given))
    return dearest
