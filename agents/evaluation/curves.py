"""One run over time, by window, in sums that add up over runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from agents.evaluation.course import Run
from agents.evaluation.outcomes import Floats, Ints
from agents.evaluation.plan import Plan


@dataclass(frozen=True)
class Curves:
    """Sums over the queries of each window, and of how many.

    ``reached``, ``best`` (of each task's best model in hindsight) and ``uniform``: grades, by
    window; ``queries``: by task and window; ``shares``: by task, window and model.
    """

    reached: Floats
    best: Floats
    uniform: Floats
    queries: Floats
    shares: Floats


def curves(plan: Plan, run: Run) -> Curves:
    """The run's sums."""
    tasks, correct = run.draw.tasks, run.draw.answers.correct
    windows = run.draw.asked_at // plan.size_ms
    count = int(windows[-1]) + 1
    queries = np.zeros((len(plan.outcomes.tasks), count))
    np.add.at(queries, (tasks, windows), 1)
    shares = np.zeros((*queries.shape, correct.shape[1]))
    np.add.at(shares, (tasks, windows), run.shares)
    rows = np.arange(len(tasks))

    def by_window(grades: Floats) -> Floats:
        return np.asarray(np.bincount(windows, grades, count), dtype=np.float64)

    return Curves(
        reached=by_window(correct[rows, run.chosen]),
        best=by_window(correct[rows, _best_columns(run)[tasks]]),
        uniform=by_window(np.nanmean(correct, axis=1)),
        queries=queries,
        shares=shares,
    )


def _best_columns(run: Run) -> Ints:
    """Of each task, the model that was best in the run."""
    tasks, correct = run.draw.tasks, run.draw.answers.correct
    columns = np.zeros(int(tasks.max()) + 1, dtype=np.int64)
    for task in np.unique(tasks):
        columns[task] = np.nanargmax(correct[tasks == task].sum(axis=0))
    return columns


def added(runs: Iterable[Curves]) -> Curves:
    """The sums over several runs; a shorter run counts for the windows that it has."""
    return reduce(_add, runs)


def _add(one: Curves, other: Curves) -> Curves:
    return Curves(
        reached=_padded(one.reached, other.reached, axis=0),
        best=_padded(one.best, other.best, axis=0),
        uniform=_padded(one.uniform, other.uniform, axis=0),
        queries=_padded(one.queries, other.queries, axis=1),
        shares=_padded(one.shares, other.shares, axis=1),
    )


def _padded(one: Floats, other: Floats, axis: int) -> Floats:
    short, long = sorted([one, other], key=lambda sums: sums.shape[axis])
    room = [(0, 0)] * short.ndim
    room[axis] = (0, long.shape[axis] - short.shape[axis])
    return np.asarray(np.pad(short, room) + long, dtype=np.float64)
