"""What a grader counts: answers, how long they took, and what they were worth."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from agents.graders import GRADERS, SLOW_GRADERS
from agents.metering.bounded import bounded
from schemas.metric import Metric
from schemas.response import Response
from streams.instruments import Count, Spread
from streams.settings import Settings

QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
NOBODY = "none"
"""The model of an answer that no model was asked for."""


class GraderMeters:
    """One grader's. It reads what anybody may have written, so each label is bounded."""

    def __init__(self, registry: CollectorRegistry, settings: Settings) -> None:
        self._tasks = frozenset(settings.tasks)
        self._models = frozenset(settings.models)
        self._end_to_end = Spread(
            registry,
            "zeta_end_to_end_seconds",
            "From the client's record to its answer or error.",
            ["task"],
        )
        self._answers = Count(
            registry,
            "zeta_answers_total",
            "Answers: ok, or the kind of error. The model is none where none was asked.",
            ["task", "model", "outcome"],
        )
        self._grades = Count(
            registry,
            "zeta_grades_total",
            "Grades, by what sort of grader.",
            ["task", "kind"],
        )
        self._accuracy = Spread(
            registry,
            "zeta_accuracy_ratio",
            "What answers were worth, 0 to 1.",
            ["task", "model"],
            QUARTERS,
        )

    def answered(self, response: Response) -> None:
        """Counts a response."""
        task = bounded(response.task, self._tasks)
        model = NOBODY if response.model is None else bounded(response.model, self._models)
        outcome = "ok" if response.error is None else response.error.kind
        self._answers.add(task, model, outcome)
        self._end_to_end.add(response.timings.total_s, task)

    def graded(self, metric: Metric) -> None:
        """Counts a judgement; an outcome isn't one."""
        if metric.accuracy is None:
            return
        task = bounded(metric.task, self._tasks)
        self._grades.add(task, _kind(metric.grader))
        self._accuracy.add(metric.accuracy, task, bounded(metric.model, self._models))


def _kind(grader: str) -> str:
    """The sort of grader: sources of feedback may call themselves anything."""
    kind = grader.partition(":")[0]
    return bounded(kind, {*GRADERS, *SLOW_GRADERS, "judge", "feedback"})
