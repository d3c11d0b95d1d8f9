"""Several policies' figures side by side, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

NOTHING = "-"

Figures = Mapping[str, Any]


def report(found: Sequence[Figures], title: str) -> RenderableType:
    """A row per measure, a column per policy; what was played above and below."""
    table = Table("", *(str(one["policy"]) for one in found))
    for name, (label, show) in ROWS.items():
        if name in found[0]:
            table.add_row(label, *(_cell(one, name, show) for one in found))
    first = found[0]
    played = (
        f"{first['queries']} queries, {first['left_out']} left out; {first['seeds']} seeds; "
        f"objective {first['objective']}; latency: {first['latency']}"
    )
    return Group(Text(title), table, Text(played))


def _cell(figures: Figures, name: str, show: Callable[[float], str]) -> str:
    value = figures[name]
    if value is None:
        return NOTHING
    error = figures["accuracy_se"] if name == "accuracy" else None
    return show(value) + (f" ± {show(error)}" if error is not None else "")


def _grade(value: float) -> str:
    return f"{value:.4f}"


def _whole(value: float) -> str:
    return f"{value:.0f}"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _count(value: float) -> str:
    return f"{value:.1f}"


ROWS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "accuracy": ("accuracy", _grade),
    "accuracy_last_two_thirds": ("  in the last two thirds", _grade),
    "last_two_thirds_of_best": ("  of best per task", _percent),
    "uniform": ("uniform", _grade),
    "best_single": ("best single model, in hindsight", _grade),
    "best_per_task": ("best per task, in hindsight", _grade),
    "oracle": ("oracle, best per query", _grade),
    "switch_rate": ("windows with another leader", _percent),
    "bad_switch_rate": ("  a worse one", _percent),
    "largest_share": ("largest share", _percent),
    "leave_pairs": ("tasks to leave the model in, all seeds", _whole),
    "leave_windows_median": ("windows to leave, median", _count),
    "leave_windows_p90": ("  90th percentile", _count),
    "found_again_pairs": ("tasks to find the best in, all seeds", _whole),
    "found_again_share": ("  found again", _percent),
    "found_again_windows_median": ("  windows, median", _count),
    "rules_published": ("rules published", _count),
    "elapsed_s": ("elapsed s", _count),
}
"""Label and form of each measure that is shown; ``agents.evaluation.measures`` defines them."""
