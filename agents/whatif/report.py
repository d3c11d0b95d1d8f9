"""Judgements for people."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.whatif.judging import Judgement
from agents.whatif.ratios import Estimate

NOTHING = "-"


def view(found: Judgement) -> RenderableType:
    """A row per task, then what must be said."""
    table = Table(box=SIMPLE, padding=(0, 1), collapse_padding=True)
    for name in ("task", "logged", "IPS", "SNIPS", "DR", "gain (DR)", "decisions", "effective"):
        table.add_column(name, no_wrap=True)
    rows = [*found.tasks, found.all] if len(found.tasks) != 1 else found.tasks
    for row in rows:
        table.add_row(
            row.task,
            *(_cell(one) for one in (row.logged, row.ips, row.snips, row.dr)),
            _cell(row.gain, "+"),
            f"{row.decisions:,}",
            f"{row.effective_sample_size:,.0f}",
        )
    said = [Text(f"{row.task}: {sentence}") for row in rows for sentence in row.sentences]
    return Group(Text(f"{found.target}, {found.objective}, 95 % intervals"), table, *said)


def _cell(estimate: Estimate | None, sign: str = "") -> str:
    if estimate is None:
        return NOTHING
    value = _points(estimate.value, sign)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value}\n{_points(estimate.low, sign)} to {_points(estimate.high, sign)}"


def _points(value: float, sign: str) -> str:
    """As ``.758``: seven columns of them have to fit."""
    text = f"{value:{sign}.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def last_line(found: Judgement) -> str:
    """What was read, and what of it isn't a choice."""
    counts = found.counts
    said = f"{counts.choices:,} choices of policies in {counts.records:,} metrics"
    others = [
        (counts.no_choice, "pins, reroutes, forced or shadow decisions"),
        (counts.repeated, "later choices for the same query"),
        (counts.unwanted, "of other tasks or times"),
        (counts.duplicates, "metrics that came twice"),
        (counts.undecodable, "records that are no metrics"),
    ]
    left = ", ".join(f"{count:,} {what}" for count, what in others if count)
    return f"{said}; not counted: {left}" if left else said
