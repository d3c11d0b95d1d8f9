"""Paths in an archive, relative to its root: what a file's name says of what is in it.

    <topic>/date=<UTC day>/part-<partition>-<first>-<last>.parquet
    <topic>/_claims/<partition>-<first>
    <topic>/_temporary/...

``first`` follows the previous file's ``last``, so the names of a partition leave no gap; offsets
that Kafka's compaction or transaction markers took are holes inside. Directories that begin with
an underscore are passed over by DuckDB, pyarrow and Spark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

CLAIMS = "_claims"
TEMPORARY = "_temporary"

_NUMBER = r"(0|[1-9][0-9]{0,18})"
_PART = re.compile(
    rf"([^/]+)/date=([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})/part-{_NUMBER}-{_NUMBER}-{_NUMBER}\.parquet"
)
_CLAIM = re.compile(rf"([^/]+)/{CLAIMS}/{_NUMBER}-{_NUMBER}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Part:
    """One published file: the records of a partition from offset ``first`` to ``last``.

    ``date`` is the UTC day of its first record's Kafka timestamp.
    """

    topic: str
    partition: int
    first: int
    last: int
    date: str

    @property
    def path(self) -> str:
        name = f"part-{self.partition}-{self.first}-{self.last}.parquet"
        return f"{self.topic}/date={self.date}/{name}"

    def covers(self, other: Part) -> bool:
        """Whether all offsets of another file of this partition are within this one's."""
        return (
            (self.topic, self.partition) == (other.topic, other.partition)
            and self.first <= other.first
            and other.last <= self.last
        )


def part_of(path: str) -> Part | None:
    """The file that has this path, or None when no archiver would have named it so."""
    found = _PART.fullmatch(path)
    if found is None:
        return None
    topic, date, partition, first, last = found.groups()
    part = Part(topic, int(partition), int(first), int(last), date)
    return part if part.first <= part.last and _is_day(date) else None


def _is_day(date: str) -> bool:
    try:
        datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def claim_path(topic: str, partition: int, first: int) -> str:
    """Where the claim on the file that begins at ``first`` is."""
    return f"{topic}/{CLAIMS}/{partition}-{first}"


def claim_of(path: str) -> tuple[int, int] | None:
    """A claim's partition and first offset, or None when the path is no claim's."""
    found = _CLAIM.fullmatch(path)
    return None if found is None else (int(found[2]), int(found[3]))


def date_of(timestamp_at: int) -> str:
    """The UTC day of an instant in Unix ms; a record without a timestamp has -1, of 1969."""
    return (_EPOCH + timedelta(milliseconds=timestamp_at)).strftime("%Y-%m-%d")


def parts_in(paths: Iterable[str]) -> list[Part]:
    """The published files among these paths, sorted by topic, partition and first offset."""
    return sorted(part for path in paths if (part := part_of(path)) is not None)


def uncovered(parts: Iterable[Part]) -> list[Part]:
    """The files without those that a larger one covers (compaction leaves both for a moment)."""
    kept: list[Part] = []
    for part in sorted(parts, key=lambda row: (row.topic, row.partition, row.first, -row.last)):
        if not kept or not kept[-1].covers(part):
            kept.append(part)
    return kept
