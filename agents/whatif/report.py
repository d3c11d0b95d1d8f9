"""Judgements for people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.whatif.judging import Judgement
from agents.whatif.ratios import Estimate

NOTHING = "-"


def view(found: Judgement) -> RenderableType:
    """A row per task, then what must be said."""
    table = Table()
    for name in ("task", "logged", "IPS", "SNIPS", "DR", "gain (DR)", "decisions", "effective"):
        table.add_column(name, no_wrap=True, overflow="fold")
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
    value = f"{estimate.value:{sign}.3f}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value}\n{estimate.low:{sign}.3f} to {estimate.high:{sign}.3f}"


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
