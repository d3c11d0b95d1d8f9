"""One evaluation: the outcomes, the settings that the loop runs with, and when queries come."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from agents.evaluation.draws import Arrivals
from agents.evaluation.outcomes import Outcomes
from agents.evaluation.shifts import Shift
from agents.evaluation.worlds import Worlds, worlds
from streams.settings import Model, Routing, Settings, Task, Windows


@dataclass(frozen=True)
class Plan:
    """What all seeds share. ``make_plan`` is the way to get one."""

    outcomes: Outcomes
    settings: Settings
    arrivals: Arrivals
    shift: Shift | None
    worlds: Worlds

    @property
    def size_ms(self) -> int:
        """A whole window's length."""
        windows = self.settings.windows
        return windows.pane_ms * windows.panes


def make_plan(
    base: Settings,
    outcomes: Outcomes,
    *,
    policy: str,
    objective: str,
    window_queries: int,
    arrivals: Arrivals,
    shift: Shift | None = None,
) -> Plan:
    """The evaluation of a policy.

    Args:
        base: its ``routing`` and ``windows`` hold, but for the policy, the objective, the
            windows' size and lateness; of its tasks, the latency targets of those of the same
            name. Models, tasks and candidates are those of the outcomes, without a prior.
        outcomes: what is recorded.
        policy: by name.
        objective: by name.
        window_queries: how many queries of all tasks a window holds, in the mean.
        arrivals: when queries come.
        shift: what changes in mid-run.

    Raises:
        OutcomesError: policy or objective need response times that aren't recorded.
        msgspec.ValidationError: no such policy or objective.
    """
    changes = {"policy": policy, "objective": objective}
    routing = msgspec.convert({**msgspec.structs.asdict(base.routing), **changes}, Routing)
    if reason := needs_latency(routing):
        outcomes.require_latency(reason)
        if shift is not None and shift.other is not None:
            shift.other.require_latency(reason)
    gap_s = arrivals.gap_s(len(outcomes.keys))
    settings = Settings(
        models={name: Model(protocol="tgi", serves=["chat"]) for name in outcomes.models},
        tasks={task: _task(base, outcomes, task) for task in outcomes.tasks},
        routing=routing,
        windows=_windows(base.windows, window_queries * gap_s),
    )
    return Plan(outcomes, settings, arrivals, shift, worlds(settings, outcomes, shift))


def needs_latency(routing: Routing) -> str:
    """What needs response times, in words; empty where nothing does."""
    if routing.policy == "seed":
        return "policy seed"
    if routing.objective == "balanced" and routing.latency_weight == 0:
        return ""
    return "" if routing.objective == "accuracy" else f"objective {routing.objective}"


def _task(base: Settings, outcomes: Outcomes, task: str) -> Task:
    target_s = base.tasks.get(task, Task()).latency_target_s
    return Task(candidates=list(outcomes.candidates[task]), latency_target_s=target_s)


def _windows(base: Windows, size_s: float) -> Windows:
    return msgspec.structs.replace(base, size_s=max(size_s, 0.001), lateness_s=0.0)
