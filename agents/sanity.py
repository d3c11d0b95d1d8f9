"""Records that the tuner must not learn from: numbers that no aggregator and no settings give.

A rule carries all that the next one depends on, so one record that can't be true would spoil
every rule after it, and one that makes a policy fail would do so at each start again.
"""

from __future__ import annotations

import math

from agents.policies import POLICIES
from schemas.control import RoutingConfiguration
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import MILLION
from streams.refusing import MODEL_BYTES, MOST_BYTES
from streams.sections import Routing, Windows
from streams.table_check import SettingsError, Where, as_struct

MOST_CANDIDATES = 1000
MOST_COUNTED = 10**9
"""Attempts, or grades, in one window: a thousand a second for eleven days."""
OBJECTIVES = ("accuracy", "balanced", "inverse-latency")
_SETTINGS = frozenset(Routing.__struct_fields__)


def score_problem(score: WindowScore) -> str | None:
    """What can't be of a part of a window; None: nothing."""
    if score.partition >= score.partitions:
        return f"partition {score.partition} of {score.partitions}"
    if score.window_start_at >= score.window_end_at:
        return "the window ends before it begins"
    if len(score.models) > MOST_BYTES // MODEL_BYTES:
        return f"more than {MOST_BYTES // MODEL_BYTES} models"
    for name, summary in score.models.items():
        if not _adds_up(summary):
            return f"the sums of {name[:100]!r} contradict each other"
    return None


def _adds_up(one: ModelSummary) -> bool:
    counted = max(one.outcomes, one.judgements) <= MOST_COUNTED
    pools = one.pools.values()
    return (
        counted
        and one.errors <= one.outcomes
        and sum(one.latency.values()) <= one.outcomes
        and one.trust_micro <= one.judgements * MILLION
        and one.accuracy_square_micro <= one.accuracy_micro <= one.trust_micro
        and sum(pool.trust_micro for pool in pools) <= one.trust_micro
        and sum(pool.accuracy_micro for pool in pools) <= one.accuracy_micro
        and all(pool.accuracy_micro <= pool.trust_micro for pool in pools)
    )


def configuration_problem(task: str, configuration: RoutingConfiguration) -> str | None:
    """What no settings would give for this task; None: nothing."""
    candidates = configuration.candidates
    if configuration.task != task:
        return f"a configuration of {configuration.task[:100]!r} for {task[:100]!r}"
    if not candidates or len(set(candidates)) < len(candidates):
        return "candidates must be named, and each once"
    if len(candidates) > MOST_CANDIDATES or not all(0 < len(name) < 250 for name in candidates):
        return f"more than {MOST_CANDIDATES} candidates, or a name too long"
    if not set(configuration.prior) <= set(candidates):
        return "the prior has a weight for a model that is no candidate"
    return _settings_problem(configuration)


def _settings_problem(configuration: RoutingConfiguration) -> str | None:
    if configuration.policy not in POLICIES or configuration.objective not in OBJECTIVES:
        return "no such policy or objective"
    if not math.isfinite(configuration.latency_target_s):
        return "latency_target_s must be finite"
    fields = {name: getattr(configuration, name) for name in configuration.__struct_fields__}
    given = {name: value for name, value in fields.items() if name in _SETTINGS}
    try:
        as_struct(given, Routing, Where("configuration"))
        as_struct({"panes": configuration.panes}, Windows, Where("configuration"))
    except SettingsError as error:
        return str(error)
    return None
