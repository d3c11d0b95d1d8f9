"""Configurations, windows and states for tests of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from agents.learning import Window
from schemas.control import RoutingConfiguration
from schemas.routing_rule import ModelState, PolicyState, RoutingRule
from schemas.window_score import ModelSummary
from schemas.wire import MILLION
from streams import latency

MODELS = ("a", "b", "c")


def configuration(**changes: Any) -> RoutingConfiguration:
    """Three equal candidates, no exploration, no forgetting, nothing that slows a change."""
    fields: dict[str, Any] = {
        "task": "code",
        "candidates": list(MODELS),
        "prior": {},
        "policy": "thompson",
        "objective": "accuracy",
        "prior_mass": 0.0,
        "exploration": 0.0,
        "largest_step": 1.0,
        "min_samples": 0,
        "dwell_windows": 0,
        "margin": 0.0,
        "discount": 1.0,
        "sharpness": 1.0,
        "seed_threshold": 0.8,
        "epoch_windows": 60,
    }
    return RoutingConfiguration(**(fields | changes))


def summary(count: int, accuracy: float, seconds: float = 1.0, errors: int = 0) -> ModelSummary:
    """``count`` answers with grades of this mean, and ``errors`` failures besides."""
    return ModelSummary(
        outcomes=count + errors,
        errors=errors,
        response_time_us=round((count + errors) * seconds * MILLION),
        latency={latency.bucket(seconds): count + errors},
        judgements=count,
        trust_micro=count * MILLION,
        accuracy_micro=round(count * accuracy * MILLION),
        accuracy_square_micro=round(count * accuracy * MILLION),
    )


def window(number: int, models: Mapping[str, ModelSummary]) -> Window:
    """The ``number``-th minute."""
    return Window(number * 60_000, (number + 1) * 60_000, models)


def state(**models: tuple[float, float] | tuple[float, float, float]) -> PolicyState:
    """From (successes, failures[, seconds per attempt]) by model, each attempt answered."""
    found = {}
    for name, (successes, failures, *rest) in models.items():
        trials = round((successes + failures) * MILLION)
        found[name] = ModelState(
            trials_micro=trials,
            reward_micro=round(successes * MILLION),
            outcomes_micro=trials,
            response_time_us_micro=round(trials * (rest[0] if rest else 1.0) * MILLION),
        )
    return PolicyState(models=found)


def shares(rule: RoutingRule) -> dict[str, float]:
    """A rule's weights as fractions."""
    return {name: weight / MILLION for name, weight in rule.weights.items()}


summaries = st.builds(
    summary,
    st.integers(0, 2000),
    st.floats(0, 1),
    st.sampled_from([0.0, 1e-4, 0.3, 20.0]),
    st.integers(0, 50),
)
windows = st.dictionaries(st.sampled_from([*MODELS, "stranger"]), summaries, max_size=4)
distributions = st.dictionaries(
    st.sampled_from("abcdef"), st.floats(0, 1), min_size=1, max_size=6
).filter(lambda given: sum(given.values()) > 1e-9)
