"""An archive against the broker: every record once, and as it was."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from streams.archive.local import LocalStore
from streams.archive.naming import parts_in
from streams.archive.reading import ArchiveLog
from streams.history import Log, LoggedRecord, open_history
from tests.loop.system import System
from tests.loop.watching import POLL_S

Fact = tuple[int, int, int, Any, Any, Any]


def _fact(partition: int, row: LoggedRecord) -> Fact:
    return (partition, row.offset, row.timestamp, row.key, row.value, tuple(row.headers))


async def _records(log: Log, topic: str) -> AsyncIterator[Fact]:
    for partition in log.partitions(topic):
        async for batch in log.read(topic, partition):
            for row in batch:
                yield _fact(partition, row)


async def on_broker(system: System, topic: str) -> list[Fact]:
    """All records of a topic, by partition and offset."""
    async with open_history(system.settings.kafka, [topic]) as history:
        return [row async for row in _records(history, topic)]


async def in_archive(root: Path, topic: str) -> list[Fact]:
    """Likewise, as a reader of the archive has them."""
    log = await asyncio.to_thread(ArchiveLog, LocalStore(root), [topic])
    return [row async for row in _records(log, topic)]


def in_files(root: Path, topic: str) -> Counter[tuple[int, int]]:
    """How often each partition and offset is in any file at all."""
    found: Counter[tuple[int, int]] = Counter()
    columns = ["kafka_partition", "kafka_offset"]
    for path in (root / topic).glob("date=*/*.parquet"):
        table = pq.read_table(path, columns=columns, partitioning=None)
        found.update(zip(*(table.column(name).to_pylist() for name in columns), strict=True))
    return found


def count_in(root: Path, topic: str) -> int:
    """How many offsets the files' names span."""
    parts = parts_in(LocalStore(root).paths(topic))
    return sum(part.last - part.first + 1 for part in parts)


def archived_to(root: Path, topic: str, partition: int) -> int:
    """One past the last offset that is archived of a partition."""
    parts = parts_in(LocalStore(root).paths(topic))
    return max((part.last + 1 for part in parts if part.partition == partition), default=0)


async def until_archived(root: Path, topic: str, count: int, within_s: float = 30.0) -> None:
    """Waits until the names of the files span so many offsets."""
    deadline = time.monotonic() + within_s
    while (found := count_in(root, topic)) < count:
        assert time.monotonic() < deadline, f"{found} of {count} archived"
        await asyncio.sleep(POLL_S)


async def check_same(system: System, root: Path, topics: Sequence[str]) -> None:
    """Each record of the broker's is in one file, as it was, and the names leave no gap."""
    for topic in topics:
        expected = await on_broker(system, topic)
        counts = in_files(root, topic)
        assert set(counts.values()) == {1}, f"twice: {[k for k, n in counts.items() if n > 1][:9]}"
        assert sorted(counts) == [row[:2] for row in expected]
        assert await in_archive(root, topic) == expected
        _check_names(root, topic)


def _check_names(root: Path, topic: str) -> None:
    ends: dict[int, int] = defaultdict(int)
    for part in parts_in(LocalStore(root).paths(topic)):
        assert part.first == ends[part.partition], "no gap, no overlap"
        ends[part.partition] = part.last + 1
