"""One file of an archive against its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pyarrow as pa

from streams.archive.findings import Finding, Kind
from streams.archive.footers import Footer, read_footer
from streams.archive.naming import Part
from streams.archive.reading import BATCH_ROWS, opened
from streams.archive.rows import RECORD_SCHEMA, records_of, table_schema
from streams.archive.store import ArchiveError, Store
from streams.topics import event_types

RESTORE = (
    "restore it from a backup; if the broker still has these offsets, move it, the partition's "
    "later files and its claims away, and the archiver goes on from there"
)
RENAME = "give it its old name, or move it away and restore the right one"


@dataclass
class Checked:
    """What a file has; ``rows`` None: it can't be read."""

    rows: int | None = None
    findings: list[Finding] = field(default_factory=list)


def check_file(store: Store, part: Part, *, deep: bool = False) -> Checked:
    """Checks one file; with ``deep`` every row is read back into its record. Blocks.

    Raises:
        FileNotFoundError: it isn't there.
    """
    checked = Checked()
    try:
        footer = read_footer(store, part)
        checked.rows = footer.rows
        checked.findings += _by_footer(part, footer)
        if deep and not checked.findings:
            checked.findings += _by_rows(store, part)
    except ArchiveError as error:
        problem = str(error).removeprefix(f"{store.root}/{part.path}: ")
        kind: Kind = "foreign" if problem.startswith("not an archive's") else "torn"
        checked.findings.append(_finding(kind, part, problem, RESTORE))
    return checked


def _finding(kind: Kind, part: Part, problem: str, advice: str) -> Finding:
    return Finding(kind=kind, where=part.path, problem=problem, advice=advice)


def _by_footer(part: Part, footer: Footer) -> Iterator[Finding]:
    missing = _another_topic(part.topic, footer.schema)
    if missing:
        yield _finding("other topic", part, missing, RENAME)
    for problem in _misnamed(part, footer):
        yield _finding("misnamed", part, problem, RENAME)
    if footer.offsets is not None and not footer.offsets.ascending:
        yield _finding("rows", part, "its row groups aren't in the order of offsets", RESTORE)


def _another_topic(topic: str, schema: pa.Schema) -> str | None:
    """A newer version adds columns and an older one lacks some; not both."""
    types = event_types(topic)
    if types is None:
        return None
    ours = set(table_schema(types).names)
    strange = sorted(set(schema.names) - ours)
    missing = sorted(ours - set(schema.names) - set(RECORD_SCHEMA.names))
    if strange and missing:
        return f"it has {_few(strange)}, and not {_few(missing)}, so it isn't of {topic}"
    return None


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _misnamed(part: Part, footer: Footer) -> Iterator[str]:
    offsets, partitions = footer.offsets, footer.partitions
    if offsets is None or partitions is None:
        return
    if offsets.least < part.first or offsets.most > part.last:
        yield (
            f"it holds offsets {offsets.least} to {offsets.most}, its name says "
            f"{part.first} to {part.last}"
        )
    elif footer.rows > part.last - part.first + 1:
        yield f"it has {footer.rows} rows, more than its name has offsets"
    if not partitions.least == partitions.most == part.partition:
        held = " to ".join(map(str, sorted({partitions.least, partitions.most})))
        yield f"it holds partition {held}, its name says {part.partition}"
    # Without its first record, the day is that of a record which Kafka has compacted away.
    if footer.first_offset == part.first and footer.first_date != part.date:
        yield f"its first record is of {footer.first_date}, its name says {part.date}"


def _by_rows(store: Store, part: Part) -> Iterator[Finding]:
    types = event_types(part.topic) or ()
    last = part.first - 1
    with opened(store, part.path) as file:
        for batch in file.iter_batches(BATCH_ROWS):
            offsets = batch.column("kafka_offset").to_pylist()
            wrong = _disorder([last, *offsets])
            if wrong:
                yield _finding("rows", part, wrong, RESTORE)
                return
            last = offsets[-1] if offsets else last
            records_of(types, batch)  # raises what makes a row none of its topic's events


def _disorder(offsets: list[int]) -> str | None:
    for before, after in pairwise(offsets):
        if after == before:
            return f"offset {after} is there twice"
        if after < before:
            return f"offset {after} follows {before}"
    return None
