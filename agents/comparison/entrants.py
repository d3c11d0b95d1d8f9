"""Who is compared, by name, and what each is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from agents.comparison.hindsight import (
    best_per_task,
    best_single,
    following,
    has_best_single,
    oracle,
    uniform,
)
from agents.comparison.litellm_adaptive import adaptive
from agents.comparison.litellm_latency import grouped
from agents.comparison.ours import Ours
from agents.comparison.router import Opening, opening, windowed
from agents.evaluation.draws import Arrivals
from agents.evaluation.outcomes import Outcomes
from agents.evaluation.plan import make_plan
from streams.settings import Settings

OBJECTIVE = "accuracy"

GRADES_LATE = "grades of its choices, when a pane of the window closes"
GRADES_NOW = "grades of its choices as the user's thanks or refusal, at once"
TIMES_NOW = "response times of its choices, at once"
NOTHING = "nothing"
ALL = "every model's grades, beforehand"


@dataclass(frozen=True)
class Entrant:
    """A router to be compared.

    ``feedback``: in words; ``refusal``: why it can't run on these outcomes, if it can't;
    ``is_timed``: whether it decides anything while it runs.
    """

    name: str
    feedback: str
    opening: Opening
    refusal: str = ""
    is_timed: bool = True


def entrants(base: Settings, outcomes: Outcomes, window_queries: int) -> list[Entrant]:
    """All that can be compared, the product as it is set first.

    Args:
        base: the settings whose sections ``routing`` and ``windows`` hold for the first.
        outcomes: what is recorded.
        window_queries: queries per window, over all tasks.
    """
    ours = _Ours(base, outcomes, window_queries)
    return [*ours.entrants(), *_litellm(outcomes, ours.pane_ms), *_fixed(outcomes)]


class _Ours:
    def __init__(self, base: Settings, outcomes: Outcomes, window_queries: int) -> None:
        self._base = base
        self._outcomes = outcomes
        self._window_queries = window_queries
        self.pane_ms = self._settings(base.routing.policy).windows.pane_ms

    def entrants(self) -> list[Entrant]:
        plain = {
            "exploration": 0.0,
            "probe": 0.0,
            "detection": False,
            "discount": 1.0,
            "sharpness": 1.0,
        }
        seed = "and response times: " + GRADES_LATE
        return [
            self._entrant("zeta", self._base.routing.policy),
            self._entrant("zeta-floor-0", self._base.routing.policy, exploration=0.0),
            self._entrant("zeta-plain-thompson", "thompson", **plain),
            Entrant("zeta-seed", seed, _no_router, refusal=_without_latency(self._outcomes))
            if _without_latency(self._outcomes)
            else self._entrant("zeta-seed", "seed", feedback=seed),
        ]

    def _entrant(
        self, name: str, policy: str, feedback: str = GRADES_LATE, **routing: float
    ) -> Entrant:
        settings = self._settings(policy, **routing)
        return Entrant(name, feedback, opening(lambda _: Ours(settings)))

    def _settings(self, policy: str, **routing: float) -> Settings:
        changed = msgspec.structs.replace(self._base.routing, **routing)
        return make_plan(
            msgspec.structs.replace(self._base, routing=changed),
            self._outcomes,
            policy=policy,
            objective=OBJECTIVE,
            window_queries=self._window_queries,
            arrivals=Arrivals(),
        ).settings
