"""What a replay did, or would do, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from rich.table import Table

from agents.sandboxing import Shares
from streams.replay.running import Part


class Outcome(msgspec.Struct, kw_only=True):
    """A whole replay; ``source`` is a topic without prefix, ``target`` a topic's whole name."""

    run: str
    source: str
    target: str
    dry_run: bool
    records: int
    bytes: int
    redacted: int
    elapsed_s: float
    partitions: list[Part]
    sandbox: list[Shares] | None = None


def outcome_of(
    parts: Sequence[Part], *, run: str, source: str, target: str, dry_run: bool, elapsed_s: float
) -> Outcome:
    """The sums over the partitions."""
    return Outcome(
        run=run,
        source=source,
        target=target,
        dry_run=dry_run,
        records=sum(part.records for part in parts),
        bytes=sum(part.bytes for part in parts),
        redacted=sum(part.redacted for part in parts),
        elapsed_s=round(elapsed_s, 3),
        partitions=list(parts),
    )


def outcome_table(outcome: Outcome) -> Table:
    """One row per source partition."""
    sent = "to send" if outcome.dry_run else "sent"
    table = Table(title=f"{outcome.source} to {outcome.target}", title_justify="left", box=None)
    for name in (
        "partition",
        "offsets",
        "read",
        "matched",
        "sent before",
        sent,
        "bytes",
    ):
        table.add_column(name, justify="right")
    table.add_column("from")
    table.add_column("to")
    for part in outcome.partitions:
        table.add_row(
            str(part.partition),
            f"{part.start} to {part.end - 1}" if part.end > part.start else "none",
            _read(part),
            str(part.matched),
            _before(part),
            str(part.records),
            str(part.bytes),
            _instant(part.first_at),
            _instant(part.last_at),
        )
    return table


def shares_table(found: Sequence[Shares]) -> Table:
    """The newest shares of each task in a sandbox, beside the live ones."""
    table = Table("task", "model", "sandbox", "live", "rules", title_justify="left", box=None)
    table.title = "rules of the sandbox, and in force"
    for task in found:
        for number, model in enumerate(sorted({*task.sandbox, *task.live})):
            table.add_row(
                "" if number else task.task,
                model,
                _share(task.sandbox.get(model)),
                _share(task.live.get(model)),
                "" if number else str(task.rules),
            )
    return table


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _read(part: Part) -> str:
    return f"{part.read} ({part.redacted} redacted)" if part.redacted else str(part.read)


def _before(part: Part) -> str:
    if part.resumed_at > part.start:
        return f"all before {part.resumed_at}"
    return str(part.already)


def _instant(at: int | None) -> str:
    if at is None:
        return "-"
    try:
        return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    except (ValueError, OverflowError, OSError):
        return str(at)  # no clock would say so, but a producer may
