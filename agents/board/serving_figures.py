"""How fast and how well each model answers: outcomes of the last minutes, by ten seconds. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.metric import Metric
from streams import latency

STEP_MS = 10_000
SHOWN_STEPS = 30
"""Figures are of the last 5 minutes, ..."""
KEPT_STEPS = 60
"""... the course is of the last 10."""


@dataclass(slots=True)
class _Step:
    """The outcomes of ten seconds; the kinds of error are few (``ErrorKind``)."""

    number: int
    outcomes: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    sketch: dict[int, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    def add(self, metric: Metric) -> None:
        self.outcomes += 1
        if not metric.ok:
            self.errors[metric.error or "unknown"] += 1
        bucket = latency.bucket(metric.response_time_s or 0.0)
        self.sketch[bucket] = self.sketch.get(bucket, 0) + 1


class ServingFigures:
    """One model's outcomes. Response times are those the rules see: failures at their limit."""

    def __init__(self) -> None:
        self._steps: deque[_Step] = deque()

    def put(self, metric: Metric, at: int) -> None:
        """Takes an outcome, by when the broker took it (Unix ms). What is too old is let go."""
        number = at // STEP_MS
        newest = self._steps[-1].number if self._steps else number
        if number <= newest - KEPT_STEPS:
            return
        step = next((one for one in reversed(self._steps) if one.number == number), None)
        if step is None:
            step = _Step(number)
            self._steps.append(step)
            if number < newest:  # partitions are read one after the other
                self._steps = deque(sorted(self._steps, key=lambda one: one.number))
        step.add(metric)
        while self._steps[0].number <= self._steps[-1].number - KEPT_STEPS:
            self._steps.popleft()

    def view(self, now_at: int) -> dict[str, Any]:
        """The figures; per ten seconds, oldest first, outcomes, errors and the p95 in seconds."""
        last = now_at // STEP_MS
        recent = [one for one in self._steps if last - SHOWN_STEPS < one.number <= last]
        return {**_figures(recent), "course": self._course(last)}

    def _course(self, last: int) -> list[list[float | None]]:
        by_number = {one.number: one for one in self._steps}
        numbers = range(last - KEPT_STEPS + 1, last + 1)
        return [_point(by_number.get(number)) for number in numbers]


def _point(step: _Step | None) -> list[float | None]:
    if step is None:
        return [0, 0, None]
    return [step.outcomes, step.failed, latency.quantile(step.sketch, 0.95)]


def _figures(steps: Iterable[_Step]) -> dict[str, Any]:
    rows = list(steps)
    sketch = latency.merge(*(one.sketch for one in rows))
    kinds = sum((one.errors for one in rows), Counter[str]())
    outcomes = sum(one.outcomes for one in rows)
    failed = sum(kinds.values())
    return {
        "outcomes": outcomes,
        "errors": failed,
        "error_share": failed / outcomes if outcomes else None,
        "error_kinds": dict(kinds.most_common()),
        "p50_s": latency.quantile(sketch, 0.5),
        "p95_s": latency.quantile(sketch, 0.95),
        "over_s": SHOWN_STEPS * STEP_MS // 1000,
    }
