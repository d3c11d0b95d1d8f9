"""Small recorded worlds for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.evaluation.course import Rule, Run
from agents.evaluation.draws import Arrivals, Draw
from agents.evaluation.outcomes import Answers, Asked, Floats, Outcomes
from agents.evaluation.plan import Plan, make_plan
from agents.evaluation.shifts import Shift
from streams.settings import Settings, load

NAN = float("nan")


def write_csv(path: Path, rows: Iterable[Sequence[Any]], heading: str = "") -> Path:
    """A file of outcomes."""
    heading = heading or "task_type,query_id,model,correct"
    lines = [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join([heading, *lines]) + "\n")
    return path


def outcomes(
    tasks: Mapping[str, Mapping[str, Sequence[float]]], latency_s: Mapping[str, float] | None = None
) -> Outcomes:
    """By task, each candidate's grades; by model, the seconds of each of its answers."""
    models = tuple(sorted({model for grades in tasks.values() for model in grades}))
    blocks: list[Floats] = []
    keys: list[tuple[str, str]] = []
    for task, grades in sorted(tasks.items()):
        count = len(next(iter(grades.values())))
        keys += [(task, f"{task}-{number}") for number in range(count)]
        columns = [grades.get(model, [NAN] * count) for model in models]
        blocks.append(np.array(columns, dtype=float).T)
    correct = np.concatenate(blocks)
    seconds = np.array([(latency_s or {}).get(model, NAN) for model in models])
    return Outcomes(
        file="made-up",
        models=models,
        candidates={task: tuple(sorted(grades)) for task, grades in sorted(tasks.items())},
        keys=tuple(keys),
        asked=tuple(Asked(task, "") for task, _ in keys),
        answers=Answers(correct, correct * 0 + seconds, np.full(correct.shape, NAN)),
        left_out=0,
        latency="none" if latency_s is None else "recorded",
    )


def settings(**flags: Any) -> Settings:
    """Defaults, with these over them: ``routing_exploration=0``."""
    return load(None, {}, {name.replace("_", ".", 1): str(flags[name]) for name in flags})


def plan(world: Outcomes, shift: Shift | None = None, **changes: Any) -> Plan:
    """A plan, of thompson by accuracy and windows of 4 in one pane if nothing else is said."""
    given = {"policy": "thompson", "objective": "accuracy", "window_queries": 4}
    base = changes.pop("base", settings(windows_panes=1))
    arrivals = changes.pop("arrivals", Arrivals())
    return make_plan(base, world, arrivals=arrivals, shift=shift, **{**given, **changes})


def run(
    world: Outcomes,
    chosen: Sequence[int],
    rules: Sequence[Rule] = (),
    shifted: tuple[int, int] | None = None,
    shares: Sequence[Sequence[float]] | None = None,
) -> Run:
    """A course of the queries in the order of the outcomes, one a second."""
    count = len(world.keys)
    dealt = Draw(
        seed=0,
        asked=world.asked,
        asked_at=np.arange(count) * 1000,
        tasks=np.array([world.tasks.index(task) for task, _ in world.keys]),
        answers=world.answers,
        shifted=shifted or (count, count),
    )
    given = np.zeros(world.answers.correct.shape) if shares is None else np.array(shares)
    return Run(dealt, np.array(chosen), given, list(rules))


def steady(count: int, **rates: float) -> dict[str, list[float]]:
    """Grades of 0 and 1 with these means, evenly spread."""
    return {
        model: [float(int((n + 1) * rate) > int(n * rate)) for n in range(count)]
        for model, rate in rates.items()
    }
