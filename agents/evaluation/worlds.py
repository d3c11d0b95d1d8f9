"""What the models are truly worth: the objective on every recorded answer, not on those chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents import scoring
from agents.evaluation.metrics import metrics
from agents.evaluation.outcomes import Ints, Outcomes
from agents.evaluation.shifts import Shift
from agents.learning import Window, observe
from schemas.assignment import Decision
from schemas.routing_rule import PolicyState
from streams.settings import Settings
from streams.summaries import Tally, bucket_of

Worths = Mapping[str, Mapping[str, float]]
"""By task and model. Under ``inverse-latency`` as shares of the task's best, so that it is 1."""


@dataclass(frozen=True)
class Worlds:
    """The worths ``outside`` of a shift and ``inside``; without one they are the same."""

    outside: Worths
    inside: Worths


def worlds(settings: Settings, outcomes: Outcomes, shift: Shift | None) -> Worlds:
    """The worths under the settings' objective."""
    outside = worths(settings, outcomes)
    return Worlds(outside, worths(settings, shift.expected(outcomes)) if shift else outside)


def worths(settings: Settings, outcomes: Outcomes) -> Worths:
    """What each task's candidates are worth to the objective, all outcomes known."""
    return {task: _task_worths(settings, outcomes, task) for task in outcomes.tasks}


def best(of: Mapping[str, float]) -> str:
    """The model of the greatest worth; of equals the first by name."""
    return min(of, key=lambda model: (-of[model], model))


def _task_worths(settings: Settings, outcomes: Outcomes, task: str) -> Mapping[str, float]:
    configuration = settings.routing_configuration(task)
    rows = outcomes.rows_of(task)
    summaries = {
        model: _tally(outcomes, rows, task, model).summary() for model in outcomes.candidates[task]
    }
    state = observe(configuration, PolicyState(), Window(0, 1, summaries))
    found = {model: scoring.score(configuration, state, model) or 0.0 for model in summaries}
    greatest = max(found.values())
    if configuration.objective != "inverse-latency" or greatest <= 0:
        return found
    return {model: worth / greatest for model, worth in found.items()}


def _tally(outcomes: Outcomes, rows: Ints, task: str, model: str) -> Tally:
    tally = Tally()
    decision = Decision(
        model=model,
        task=task,
        kind="policy",
        eligible=[model],
        propensities={model: 1.0},
        rule_version=0,
        reason="",
        decided_at=0,
    )
    column, answers = outcomes.models.index(model), outcomes.answers
    for row in rows:
        grade, seconds = answers.correct[row, column], answers.latency_s[row, column]
        for metric in metrics("", decision, grade, seconds, answers.cost_usd[row, column]):
            tally.add(metric, bucket_of(metric))
    return tally
