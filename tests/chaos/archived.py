"""The archive against the broker, offset by offset, with pyarrow alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from streams.topics import FIXED
from tests.chaos.reading import Record

Where = tuple[str, int]
Array = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass
class Offsets:
    """Which offsets the broker has given, by topic and partition, as ranges."""

    prefix: str
    ranges: dict[Where, list[list[int]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, record: Record) -> None:
        """Notes one; they come in order."""
        found = self.ranges[record.topic.removeprefix(self.prefix), record.partition]
        if found and found[-1][1] == record.offset:
            found[-1][1] += 1
        else:
            found.append([record.offset, record.offset + 1])

    def array(self, where: Where) -> Array:
        """All of one partition."""
        parts = [np.arange(*row, dtype=np.int64) for row in self.ranges[where]]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    @property
    def count(self) -> int:
        """Of all partitions."""
        return sum(last - first for rows in self.ranges.values() for first, last in rows)


COMPACTED = frozenset(row.name for row in FIXED if row.compacted)


@dataclass(frozen=True)
class Archived:
    """What the files hold: ``missing`` of the broker's offsets, ``twice``, ``foreign`` to it.

    What compaction has taken from the broker since is not foreign: the archive keeps it.
    """

    files: int
    rows: int
    missing: int
    twice: int
    foreign: int


def compare(root: Path, offsets: Offsets) -> Archived:
    """Reads every file that is visible to a reader of the archive."""
    found: dict[Where, list[Array]] = defaultdict(list)
    files = sorted(root.glob("*/date=*/*.parquet"))
    for path in files:
        table = pq.read_table(path, columns=["kafka_partition", "kafka_offset"], partitioning=None)
        numbers = table.column("kafka_partition").to_numpy()
        rows = table.column("kafka_offset").to_numpy()
        for number in np.unique(numbers):
            found[path.parts[-3], int(number)].append(rows[numbers == number])
    missing = twice = foreign = total = 0
    for where in found.keys() | offsets.ranges.keys():
        kept = np.concatenate([*found[where], np.empty(0, np.int64)])
        once, given = np.unique(kept), offsets.array(where)
        total += len(kept)
        twice += len(kept) - len(once)
        missing += len(np.setdiff1d(given, once))
        if where[0] not in COMPACTED:
            foreign += len(np.setdiff1d(once, given))
    return Archived(len(files), total, missing, twice, foreign)
