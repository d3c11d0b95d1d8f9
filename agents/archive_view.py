"""What ``zeta archive`` found and did, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from rich.table import Table

from streams.archive.compacting import Compacted
from streams.archive.findings import Finding, PartitionState, Verification
from streams.archive.retention import Pruned

_MEGABYTE = 1_000_000


def verification_row(found: Verification) -> dict[str, Any]:
    """A verification as JSON."""
    return {
        "ok": found.ok,
        "root": found.root,
        "findings": [
            {**msgspec.structs.asdict(row), "damage": row.is_damage} for row in found.findings
        ],
        "partitions": [msgspec.structs.asdict(row) for row in found.partitions],
    }


def partition_table(partitions: Sequence[PartitionState]) -> Table:
    """One row per partition."""
    table = Table(box=None, title_justify="left")
    table.add_column("topic")
    for name in ("partition", "offsets", "files", "rows", "MB", "holes", "pruned", "behind"):
        table.add_column(name, justify="right")
    for row in partitions:
        table.add_row(
            row.topic,
            str(row.partition),
            f"{row.first} to {row.last}",
            str(row.files),
            str(row.rows),
            f"{row.bytes / _MEGABYTE:.1f}",
            str(row.holes),
            "-" if row.pruned_before is None else f"before {row.pruned_before}",
            "-" if row.behind is None else str(row.behind),
        )
    return table


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Damage first."""
    for row in sorted(findings, key=lambda row: not row.is_damage):
        kind = row.kind.upper() if row.is_damage else row.kind
        yield f"{kind}: {row.where}: {row.problem}"
        if row.advice:
            yield f"    {row.advice}"


def summary(found: Verification) -> str:
    """The last line."""
    files = sum(row.files for row in found.partitions)
    rows = sum(row.rows for row in found.partitions)
    damage = sum(finding.is_damage for finding in found.findings)
    notes = len(found.findings) - damage
    verdict = "sound" if found.ok else f"{damage} problems"
    return f"[{found.root}: {verdict}; {rows} records in {files} files, {notes} notes]"


def compacted_row(done: Compacted) -> dict[str, Any]:
    """One new file as JSON."""
    return {
        "file": done.part.path,
        "files": done.files,
        "bytes_before": done.bytes_before,
        "bytes": done.bytes,
    }


def compacted_line(done: Compacted) -> str:
    """One new file."""
    before, after = done.bytes_before / _MEGABYTE, done.bytes / _MEGABYTE
    return f"{done.part.path}: {done.files} files, {before:.2f} MB, are one of {after:.2f} MB"


def pruned_row(gone: Pruned) -> dict[str, Any]:
    """One file as JSON."""
    return {"file": gone.part.path, "rows": gone.rows, "bytes": gone.bytes}


def pruned_line(gone: Pruned, *, dry_run: bool) -> str:
    """One file."""
    what = "would go" if dry_run else "deleted"
    return f"{gone.part.path}: {what}: {gone.rows} records, {gone.bytes / _MEGABYTE:.2f} MB"
