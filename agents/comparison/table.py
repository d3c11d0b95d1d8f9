"""The comparison for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.table import Table

NOTHING = "-"


def comparison_table(found: Mapping[str, Any]) -> Table:
    """A row per router."""
    headings = [heading for heading, _ in COLUMNS.values()]
    table = Table(title=_title(found), title_justify="left")
    table.add_column("router", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    for one in found["routers"]:
        cells = (_cell(one, name, show) for name, (_, show) in COLUMNS.items())
        table.add_row(one["router"], *cells)
    table.caption = "\n".join([_caption(found), *_feedback(found["routers"]), *_not_run(found)])
    table.caption_justify = "left"
    return table


def _cell(row: Mapping[str, Any], name: str, show: Callable[[float], str]) -> str:
    value = row[name]
    if value is None:
        return NOTHING
    error = row.get(f"{name}_se")  # of some figures only
    return show(value) + (f" ±{show(error)}" if error is not None else "")


def _title(found: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return f"{found['outcomes']} ({versions})"


def _caption(found: Mapping[str, Any]) -> str:
    times = found["latency"]
    if times == "imputed":
        times = f"imputed for {found['imputed_share']:.0%} of the answers"
    return (
        f"{found['queries']} queries, {found['left_out']} left out; {found['seeds']} seeds; "
        f"objective {found['objective']}; {found['window_queries']} queries per window; "
        f"response times: {times}"
    )


def _feedback(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    told: dict[str, list[str]] = {}
    for one in rows:
        told.setdefault(one["feedback"], []).append(one["router"])
    return [f"{', '.join(names)}: told {feedback}" for feedback, names in told.items()]


def _not_run(found: Mapping[str, Any]) -> list[str]:
    return [f"{name}: not run: {reason}" for name, reason in found["not_run"].items()]


def _grade(value: float) -> str:
    return f"{value:.4f}".replace("0.", ".", 1)


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _seconds(value: float) -> str:
    return f"{value:.2f}"


def _micros(value: float) -> str:
    return f"{value:.0f}"


COLUMNS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "accuracy": ("accuracy", _grade),
    "behind": ("behind first", _grade),
    "accuracy_last_two_thirds": ("last two thirds", _grade),
    "largest_share": ("largest share", _percent),
    "response_time_s": ("time s", _seconds),
    "decision_us": ("decision µs", _micros),
    "learning_us": ("learning µs", _micros),
}
"""Heading and form of each figure; ``agents.comparison.compare`` defines them."""
