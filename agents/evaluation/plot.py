"""Accuracy and shares over time, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agents.evaluation.curves import Curves
from agents.evaluation.outcomes import Floats, Outcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW_HEIGHT = 5.0, 2.6
"""Inches."""


class PlotError(Exception):
    """No picture can be drawn or written."""


def require_matplotlib() -> None:
    """Before long work.

    Raises:
        PlotError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise PlotError("--plot needs matplotlib: pip install '.[bench]'")


def plot(path: Path, outcomes: Outcomes, policies: Mapping[str, Curves], note: str) -> None:
    """Writes a PNG: a column per policy; accuracy on top, then each task's shares by model.

    Args:
        path: the file.
        outcomes: names of tasks and models.
        policies: the sums over all runs, by the policy's name.
        note: what the picture shows, in a line.

    Raises:
        PlotError: matplotlib is not installed, or the file can't be written.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    rows = 1 + len(outcomes.tasks)
    figure = Figure(figsize=(WIDTH * len(policies), ROW_HEIGHT * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, len(policies), squeeze=False, sharex=True)
    figure.suptitle(note, fontsize=9)
    for column, (policy, curves) in enumerate(policies.items()):
        _draw_accuracy(grid[0, column], policy, curves)
        for row, task in enumerate(outcomes.tasks):
            _draw_shares(grid[row + 1, column], outcomes, task, curves)
        grid[-1, column].set_xlabel("window")
    models = [Line2D([], [], color=_colour(n), label=m) for n, m in enumerate(outcomes.models)]
    figure.legend(handles=models, loc="outside lower center", ncols=3, fontsize=7)
    try:
        figure.savefig(path, format="png", dpi=120)
    except OSError as error:
        raise PlotError(f"{path}: can't be written: {error.strerror}") from error


def _draw_accuracy(axes: Axes, policy: str, curves: Curves) -> None:
    queries = curves.queries.sum(axis=0)
    lines = {policy: curves.reached, "best per task": curves.best, "uniform": curves.uniform}
    for name, sums in lines.items():
        axes.plot(_means(sums, queries), label=name, linewidth=1.6 if name == policy else 0.9)
    axes.set_title(policy, fontsize=9)
    axes.set_ylabel("accuracy")
    axes.legend(fontsize=6, loc="best", framealpha=0.6)


def _draw_shares(axes: Axes, outcomes: Outcomes, task: str, curves: Curves) -> None:
    row = outcomes.tasks.index(task)
    for model in outcomes.candidates[task]:
        number = outcomes.models.index(model)
        means = _means(curves.shares[row, :, number], curves.queries[row])
        axes.plot(means, color=_colour(number), linewidth=1.2)
    axes.set_ylim(0, 1)
    axes.set_ylabel(f"{task}: share")


def _colour(number: int) -> str:
    return f"C{number}"  # matplotlib's cycle


def _means(sums: Floats, counts: Floats) -> Floats:
    """NaN, a gap in the line, for a window without queries."""
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
