"""What is remembered of the models: a window's summary folded into a policy's state. Pure.

In integers, so that the same windows give the same state bit for bit. What was known is
discounted with each window, what came is added; change detection (``agents.detection``) may set
a model back to what it has shown since it changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from agents import detection
from agents.allowance import bounded
from agents.policies.policy import known
from schemas.control import RoutingConfiguration
from schemas.routing_rule import ModelState, PolicyState
from schemas.window_score import ModelSummary
from schemas.wire import INT_MAX, MILLION
from streams import latency

MOST_OTHERS = 50
"""Models that are no candidates (any more) are remembered up to so many: a rule holds them all."""


@dataclass(frozen=True)
class Window:
    """A closed window (or pane of one), merged over all partitions."""

    start_at: int
    end_at: int
    models: Mapping[str, ModelSummary]


def observe(configuration: RoutingConfiguration, state: PolicyState, window: Window) -> PolicyState:
    """The state after a window.

    A failed attempt counts as a grade of 0: no answer is never a right answer. Feedback counts
    as far as ``agents.allowance`` has it.
    """
    heard = bounded(
        window.models, configuration.feedback_per_window * MILLION // configuration.panes
    )
    names = _remembered(configuration, state, heard)
    windows = state.windows + 1
    models = {
        name: _observe_model(
            configuration, known(state, name), heard.get(name, ModelSummary()), windows
        )
        for name in names
    }
    changed = any(
        detection.has_fallen(models[name]) != detection.has_fallen(known(state, name))
        or models[name].slowed_window == windows
        for name in names
    )
    return msgspec.structs.replace(
        state,
        models=models,
        windows=windows,
        alarm_window=windows if changed else state.alarm_window,
    )


def _remembered(
    configuration: RoutingConfiguration, state: PolicyState, heard: Mapping[str, ModelSummary]
) -> list[str]:
    """The candidates that anything is known of, and the best known of the other models."""
    names = {*state.models, *heard}
    others = names.difference(configuration.candidates)
    if len(others) > MOST_OTHERS:
        known_first = sorted(others, key=lambda name: (-known(state, name).outcomes_micro, name))
        names.difference_update(known_first[MOST_OTHERS:])
    return sorted(names)


def _observe_model(
    configuration: RoutingConfiguration, old: ModelState, new: ModelSummary, number: int
) -> ModelState:
    keep = round(configuration.discount ** (1 / configuration.panes) * MILLION)
    trials = new.trust_micro + new.errors * MILLION
    outcomes = old.outcomes_micro * keep // MILLION + new.outcomes * MILLION
    errors = old.errors_micro * keep // MILLION + new.errors * MILLION
    time = old.response_time_us_micro * keep // MILLION + new.response_time_us * MILLION
    while time > INT_MAX:  # ratios stay, and the rule can still be read
        outcomes, errors, time = outcomes // 2, errors // 2, time // 2
    after = msgspec.structs.replace(
        _observe_service(configuration, old, new, number),
        trials_micro=old.trials_micro * keep // MILLION + trials,
        reward_micro=old.reward_micro * keep // MILLION + new.accuracy_micro,
        outcomes_micro=outcomes,
        errors_micro=errors,
        response_time_us_micro=time,
        since_trials_micro=old.since_trials_micro * keep // MILLION,
        since_reward_micro=old.since_reward_micro * keep // MILLION,
    )
    if not configuration.detection:
        return detection.forget(after)
    return detection.watch(old, after, trials, new.accuracy_micro)


def _observe_service(
    configuration: RoutingConfiguration, old: ModelState, new: ModelSummary, number: int
) -> ModelState:
    """Speed and price have many samples and change with load: they are forgotten faster.

    All at once where a model has become slow (in the ``number``-th window).
    """
    if new.outcomes == 0:
        return old
    keep = round(configuration.service_discount ** (1 / configuration.panes) * MILLION)
    if _has_slowed(configuration, old, new, keep):
        old, keep = msgspec.structs.replace(old, slowed_window=number), 0
    return msgspec.structs.replace(
        old,
        service_weight_micro=old.service_weight_micro * keep // MILLION + new.outcomes * MILLION,
        service_micro=old.service_micro * keep // MILLION + service_micro(configuration, new),
        cost_nano=min(INT_MAX, old.cost_nano * keep // MILLION + new.cost_nano),
    )


def _has_slowed(
    configuration: RoutingConfiguration, old: ModelState, new: ModelSummary, keep: int
) -> bool:
    if not configuration.detection or configuration.objective != "balanced":
        return False
    if old.service_weight_micro == 0:
        return False
    pace = old.service_weight_micro * (MILLION - keep) / MILLION / MILLION
    service = service_micro(configuration, new) / new.outcomes / MILLION
    known_service = old.service_micro / old.service_weight_micro
    return detection.has_slowed(pace, known_service, new.outcomes, service)


def service_micro(configuration: RoutingConfiguration, summary: ModelSummary) -> int:
    """The summary's outcomes as millionths of good service: 1 / (1 + seconds / target) each.

    An answer in no time is worth 1, one at the task's latency target a half; a failure nothing.
    """
    target_s = configuration.latency_target_s
    total = sum(
        count * round(MILLION / (1 + latency.seconds(key) / target_s))
        for key, count in summary.latency.items()
    )
    return total * (summary.outcomes - summary.errors) // summary.outcomes
