"""``zeta bench balance`` for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.table import Table

NOTHING = "-"


def balance_table(found: Mapping[str, Any]) -> Table:
    """One scenario: a row per entrant; all figures but the first of the second half."""
    table = Table(title=_title(found), title_justify="left")
    table.add_column("router")
    for heading in (heading for heading, _, _ in COLUMNS):
        table.add_column(heading, justify="right")
    for row in found["entrants"]:
        table.add_row(row["entrant"], *(_cell(row, *column[1:]) for column in COLUMNS))
    table.caption = (
        "Of the second half but for the first two columns. Shares and in flight: "
        f"{', '.join(found['models'])}. Swing: standard deviation of a share between seconds."
    )
    table.caption_justify = "left"
    return table


def _title(found: Mapping[str, Any]) -> str:
    return (
        f"{found['scenario']}: {found['rate_per_s']:g} queries/s for {found['seconds']:g} s, "
        f"seed {found['seed']}, target {found['latency_target_s']:g} s"
    )


def _cell(row: Mapping[str, Any], key: str, show: Callable[[Any], str]) -> str:
    of, _, name = key.rpartition(".")
    value = (row[of] if of else row)[name]
    return NOTHING if value is None else show(value)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def _grade(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _percents(by_model: Mapping[str, float]) -> str:
    return " ".join(f"{value * 100:.0f}" for value in by_model.values())


def _counts(by_model: Mapping[str, float]) -> str:
    return " ".join(f"{value:.1f}" for value in by_model.values())


COLUMNS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("run p50 ms", "p50_s", _ms),
    ("run p95 ms", "p95_s", _ms),
    ("p50 ms", "second_half.p50_s", _ms),
    ("p95 ms", "second_half.p95_s", _ms),
    ("accuracy", "second_half.accuracy", _grade),
    ("shares %", "second_half.shares", _percents),
    ("swing", "second_half.swing", _percent),
    ("largest of a second", "second_half.largest_share_of_a_second", _percent),
    ("in flight", "second_half.in_flight", _counts),
)
"""Heading, key, and form of each figure; ``balance_figures`` defines them."""
