"""Who is compared, by name, and what each is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import msgspec
import numpy as np

from agents.comparison import hindsight
from agents.comparison.litellm_adaptive import adaptive
from agents.comparison.litellm_latency import grouped
from agents.comparison.ours import Ours
from agents.comparison.router import Opening, opening, windowed
from agents.evaluation.draws import Arrivals, Draw
from agents.evaluation.outcomes import Outcomes
from agents.evaluation.plan import make_plan
from streams.settings import Settings

OBJECTIVE = "accuracy"

NO_FLOOR: Mapping[str, float] = {"exploration": 0.0}

PLAIN: Mapping[str, float] = {
    "exploration": 0.0,
    "probe": 0.0,
    "detection": False,
    "discount": 1.0,
    "sharpness": 1.0,
    "prior_mass": 0.0,
    "largest_step": 1.0,
}
"""Thompson sampling as published: a model's share is its probability of being the best."""

AT_ONCE = "after each answer"
BY_PANE = "when a pane of the window closes"
REACTION = "its choices' grades as the user's thanks or refusal"


@dataclass(frozen=True)
class Entrant:
    """A router to be compared.

    ``open`` makes it; ``feedback``: what it is told, in words; ``is_timed``: whether it decides
    while it runs.
    """

    name: str
    open: Opening
    feedback: str
    is_timed: bool = True


Maker = Callable[[Settings, Outcomes, int], Entrant]
"""From the settings whose sections ``routing`` and ``windows`` hold, the outcomes, and the
queries per window, over all tasks."""


def _settings(
    base: Settings,
    outcomes: Outcomes,
    window_queries: int,
    policy: str,
    routing: Mapping[str, float],
) -> Settings:
    changed = msgspec.structs.replace(base.routing, **routing)
    plan = make_plan(
        msgspec.structs.replace(base, routing=changed),
        outcomes,
        policy=policy,
        objective=OBJECTIVE,
        window_queries=window_queries,
        arrivals=Arrivals(),
    )
    return plan.settings


def _ours(
    base: Settings,
    outcomes: Outcomes,
    window_queries: int,
    *,
    name: str,
    policy: str | None = None,
    told: str = "its choices' grades",
    routing: Mapping[str, float] = MappingProxyType({}),
) -> Entrant:
    policy = policy or base.routing.policy
    settings = _settings(base, outcomes, window_queries, policy, routing)
    return Entrant(name, opening(lambda _: Ours(settings)), f"{told}, {BY_PANE}")


def _latency(
    base: Settings, outcomes: Outcomes, window_queries: int, *, name: str, late: bool
) -> Entrant:
    routers = grouped("latency-based-routing", outcomes.candidates)
    return _litellm(base, outcomes, window_queries, name, routers, "its choices' times", late=late)


def _adaptive(
    base: Settings,
    outcomes: Outcomes,
    window_queries: int,
    *,
    name: str,
    late: bool = False,
    with_greeting: bool = True,
) -> Entrant:
    routers = adaptive(outcomes.candidates, with_greeting=with_greeting)
    told = REACTION if with_greeting else f"{REACTION} (in the second turn: thanks don't count)"
    return _litellm(base, outcomes, window_queries, name, routers, told, late=late)


def _litellm(
    base: Settings,
    outcomes: Outcomes,
    window_queries: int,
    name: str,
    routers: Opening,
    told: str,
    *,
    late: bool,
) -> Entrant:
    if not late:
        return Entrant(name, routers, f"{told}, {AT_ONCE}")
    windows = _settings(base, outcomes, window_queries, base.routing.policy, {}).windows
    return Entrant(name, windowed(routers, windows.pane_ms), f"{told}, {BY_PANE}")


def _shuffle(_: Settings, outcomes: Outcomes, __: int, *, name: str) -> Entrant:
    return Entrant(name, grouped("simple-shuffle", outcomes.candidates), "nothing")


def _fixed(
    _: Settings,
    outcomes: Outcomes,
    __: int,
    *,
    name: str,
    plan: Callable[[Draw], hindsight.Columns],
    told: str = "every model's grades, beforehand",
) -> Entrant:
    return Entrant(name, opening(hindsight.following(outcomes.models, plan)), told, is_timed=False)


MAKERS: dict[str, Maker] = {
    "zeta": partial(_ours, name="zeta"),
    "zeta-floor-0": partial(_ours, name="zeta-floor-0", routing=NO_FLOOR),
    "zeta-plain-thompson": partial(
        _ours, name="zeta-plain-thompson", policy="thompson", routing=PLAIN
    ),
    "zeta-seed": partial(
        _ours, name="zeta-seed", policy="seed", told="its choices' grades and times"
    ),
    "litellm-adaptive": partial(_adaptive, name="litellm-adaptive"),
    "litellm-adaptive-late": partial(_adaptive, name="litellm-adaptive-late", late=True),
    "litellm-adaptive-blame": partial(
        _adaptive, name="litellm-adaptive-blame", with_greeting=False
    ),
    "litellm-latency": partial(_latency, name="litellm-latency", late=False),
    "litellm-latency-late": partial(_latency, name="litellm-latency-late", late=True),
    "litellm-shuffle": partial(_shuffle, name="litellm-shuffle"),
    "uniform": partial(_fixed, name="uniform", plan=hindsight.uniform, told="nothing"),
    "best-single": partial(_fixed, name="best-single", plan=hindsight.best_single),
    "best-per-task": partial(_fixed, name="best-per-task", plan=hindsight.best_per_task),
    "oracle": partial(_fixed, name="oracle", plan=hindsight.oracle),
}
"""In the order of the table; the first is what the others are held against."""


def refusal(name: str, outcomes: Outcomes) -> str:
    """Why this router can't run on the outcomes; empty if it can."""
    answers = outcomes.answers
    is_timeless = bool(np.isnan(answers.latency_s[~np.isnan(answers.correct)]).any())
    if is_timeless and ("latency" in name or name == "zeta-seed"):
        return "needs response times: some are neither recorded nor to be imputed"
    if name == "best-single" and not hindsight.has_best_single(answers.correct):
        return "no model is a candidate of every task"
    return ""
