"""What a model is worth to a task: objectives over what a policy remembers of it."""

from __future__ import annotations

from typing import NamedTuple

from schemas.control import RoutingConfiguration
from schemas.routing_rule import ModelScore, ModelState, PolicyState
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


class Worth(NamedTuple):
    """What a rate of right answers is worth under an objective: ``scale`` x rate + ``offset``."""

    scale: float
    offset: float = 0.0

    def __call__(self, rate: float) -> float:
        """The objective's value at a rate."""
        return self.scale * rate + self.offset


def worth(configuration: RoutingConfiguration, state: PolicyState, model: str) -> Worth:
    """How the objective values a model's accuracy, given its speed and price.

    ``accuracy``: the rate itself. ``inverse-latency``: the rate over the seconds spent per
    answer. ``balanced``, in 0..1: quality, service and price by their weights, which sum to 1;
    speed and price that are not known yet count as a half.
    """
    remembered = state.models.get(model, ModelState())
    if configuration.objective == "inverse-latency":
        return Worth(_answers_per_s(remembered))
    if configuration.objective == "accuracy":
        return Worth(1.0)
    quality, speed, price = _shares(configuration)
    return Worth(quality, speed * _service(remembered) + price * _cheapness(state, remembered))


def _shares(configuration: RoutingConfiguration) -> tuple[float, float, float]:
    weights = (
        configuration.quality_weight,
        configuration.latency_weight,
        configuration.price_weight,
    )
    total = sum(weights)
    return weights[0] / total, weights[1] / total, weights[2] / total


def _service(state: ModelState) -> float:
    """Mean service, 0..1: a half at the task's latency target."""
    return state.service_micro / state.service_weight_micro if state.service_weight_micro else 0.5


def _cheapness(state: PolicyState, model: ModelState) -> float:
    """1 for what costs nothing, 0 for the dearest model of the task."""
    costs = [cost for other in state.models.values() if (cost := _cost(other)) is not None]
    own, dearest = _cost(model), max(costs, default=0.0)
    if own is None:
        return 0.5
    return 1 - own / dearest if dearest > 0 else 1.0


def _cost(state: ModelState) -> float | None:
    return state.cost_nano / state.service_weight_micro if state.service_weight_micro else None


def _answers_per_s(state: ModelState) -> float:
    """Answers per second spent, one of unknown time included.

    Time per attempt would make a model that fails in a millisecond look a thousand times as good
    as one that answers in a second, and no number of failures would tell them apart.
    """
    spent_s = state.response_time_us_micro / MILLION / MILLION + UNKNOWN_RESPONSE_TIME_S
    answers = (state.outcomes_micro - state.errors_micro) / MILLION + 1
    return answers / spent_s


def score(configuration: RoutingConfiguration, state: PolicyState, model: str) -> float | None:
    """The objective's value; None where the data for it are missing."""
    remembered = state.models.get(model, ModelState())
    if configuration.objective == "inverse-latency":
        return inverse_latency(remembered)
    rate = accuracy(remembered)
    return None if rate is None else worth(configuration, state, model)(rate)


def _micro(value: float | None) -> int | None:
    return None if value is None else round(value * MILLION)


def model_score(configuration: RoutingConfiguration, state: PolicyState, model: str) -> ModelScore:
    """What a rule shows of a model."""
    remembered = state.models.get(model, ModelState())
    return ModelScore(
        score_micro=_micro(score(configuration, state, model)),
        samples=remembered.trials_micro / MILLION,
        outcomes=remembered.outcomes_micro / MILLION,
        accuracy_micro=_micro(accuracy(remembered)),
        response_time_us=_micro(response_time_s(remembered)),
        error_micro=_micro(error_rate(remembered)),
    )
