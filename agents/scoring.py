"""What a model is worth to a task: objectives over what a policy remembers of it."""

from __future__ import annotations

from schemas.routing_rule import ModelScore, ModelState
from schemas.wire import MILLION

UNKNOWN_RESPONSE_TIME_S = 1.0


def accuracy(state: ModelState) -> float | None:
    """Mean grade, 0..1, failed attempts counted as 0; None where there were neither."""
    return state.reward_micro / state.trials_micro if state.trials_micro else None


def response_time_s(state: ModelState) -> float | None:
    """Mean response time in seconds, failures at their limit; None without outcomes."""
    if not state.outcomes_micro:
        return None
    return state.response_time_us_micro / state.outcomes_micro / MILLION


def error_rate(state: ModelState) -> float | None:
    """Share of attempts that failed, 0..1; None without outcomes."""
    return state.errors_micro / state.outcomes_micro if state.outcomes_micro else None


def inverse_latency(state: ModelState) -> float | None:
    """The starting idea's (1 / response time) x accuracy, in 1/s; None until both are known."""
    grade, seconds = accuracy(state), response_time_s(state)
    if grade is None or seconds is None or seconds <= 0:
        return None
    return grade / seconds


def scale(objective: str, state: ModelState) -> float:
    """What one unit of accuracy is worth under the objective, > 0.

    ``inverse-latency``: 1 over the seconds spent per answer, one of unknown time included. Time
    per attempt would make a model that fails in a millisecond look a thousand times as good as
    one that answers in a second, and no number of failures would tell them apart.
    """
    if objective != "inverse-latency":
        return 1.0
    spent_s = state.response_time_us_micro / MILLION / MILLION + UNKNOWN_RESPONSE_TIME_S
    answers = (state.outcomes_micro - state.errors_micro) / MILLION + 1
    return answers / spent_s


def score(objective: str, state: ModelState) -> float | None:
    """The objective's value; None where the data for it are missing."""
    return inverse_latency(state) if objective == "inverse-latency" else accuracy(state)


def _micro(value: float | None) -> int | None:
    return None if value is None else round(value * MILLION)


def model_score(objective: str, state: ModelState) -> ModelScore:
    """What a rule shows of a model."""
    seconds = response_time_s(state)
    return ModelScore(
        score_micro=_micro(score(objective, state)),
        samples=state.trials_micro / MILLION,
        outcomes=state.outcomes_micro / MILLION,
        accuracy_micro=_micro(accuracy(state)),
        response_time_us=_micro(seconds),
        error_micro=_micro(error_rate(state)),
    )
