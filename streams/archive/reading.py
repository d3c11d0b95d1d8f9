"""An archive as a ``Log``: what was on the broker, read back in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.wire import INT_MAX
from streams.archive.listing import all_paths
from streams.archive.naming import Part, parts_in, uncovered
from streams.archive.rows import RECORD_SCHEMA, ArchivedRecord, Types, records_of
from streams.archive.store import ArchiveError, Store, topics_of
from streams.topics import event_types

BATCH_ROWS = 2000


class ArchiveGapError(ArchiveError):
    """Offsets of a partition that were archived, or should have been, aren't there."""


class ArchiveLog:
    """A ``Log`` of an archive as it is now: what is published later isn't read.

    Memory is bounded: a batch of a row group at a time. A file that a larger one covers is
    ignored; one that compaction takes away meanwhile is looked for in the larger one.

    Args:
        topics: names without a prefix; empty: all that are there.
        allow_gaps: pass over offsets that no file has, instead of refusing (holes inside a file
            are Kafka's own and no gaps).
    """

    def __init__(
        self, store: Store, topics: Iterable[str] = (), *, allow_gaps: bool = False
    ) -> None:
        self._store = store
        self._allow_gaps = allow_gaps
        self._parts: dict[tuple[str, int], list[Part]] = {}
        for topic in topics_of(store, topics):
            self._find(topic)
        self._ends = {where: parts[-1].last + 1 for where, parts in self._parts.items()}

    def _find(self, topic: str) -> None:
        for where in [where for where in self._parts if where[0] == topic]:
            del self._parts[where]
        for part in uncovered(parts_in(all_paths(self._store, topic))):
            self._parts.setdefault((topic, part.partition), []).append(part)

    def partitions(self, topic: str) -> list[int]:
        """See ``Log``."""
        return sorted(number for name, number in self._parts if name == topic)

    def beginning(self, topic: str, partition: int) -> int:
        """See ``Log``."""
        return self._parts[topic, partition][0].first

    def end(self, topic: str, partition: int) -> int:
        """See ``Log``."""
        return self._ends[topic, partition]

    def parts(self, topic: str, partition: int) -> Sequence[Part]:
        """The files that are read, in order."""
        return tuple(self._parts[topic, partition])

    async def read(
        self, topic: str, partition: int, start: int | None = None
    ) -> AsyncIterator[Sequence[ArchivedRecord]]:
        """See ``Log``.

        Raises:
            ArchiveGapError: there is a gap, unless it is allowed.
            ArchiveError: a file is damaged; names it.
        """
        types = event_types(topic) or ()
        position = max(start or 0, self.beginning(topic, partition))
        while position < self._ends[topic, partition]:
            part = self._next_part(topic, partition, position)
            try:
                async for records in _read(self._store, types, part, position):
                    yield records
                    position = records[-1].offset + 1
            except FileNotFoundError:
                await asyncio.to_thread(self._find_again, part)
                continue
            position = part.last + 1

    async def first_at(self, topic: str, partition: int, at: int) -> int:
        """The offset of the first record whose timestamp is ``at`` (Unix ms) or later, else end."""
        for part in self.parts(topic, partition):
            found = await asyncio.to_thread(first_at, self._store, part, at)
            if found is not None:
                return found
        return self.end(topic, partition)

    def _find_again(self, gone: Part) -> None:
        self._find(gone.topic)
        if gone in self._parts.get((gone.topic, gone.partition), ()):
            raise ArchiveError(f"{self._store.root}/{gone.path}: listed, but not there")

    def _next_part(self, topic: str, partition: int, position: int) -> Part:
        parts = self._parts.get((topic, partition), [])
        ahead = [part for part in parts if part.last >= position]
        if not ahead or (ahead[0].first > position and not self._allow_gaps):
            until = f"{ahead[0].first - 1}" if ahead else f"{self._ends[topic, partition] - 1}"
            where = f"{self._store.root}: {topic}, partition {partition}"
            raise ArchiveGapError(f"{where}: offsets {position} to {until} are in no file")
        return ahead[0]


async def _read(
    store: Store, types: Types, part: Part, first: int
) -> AsyncIterator[list[ArchivedRecord]]:
    batches = read_part(store, types, part, first)
    while (records := await asyncio.to_thread(next, batches, None)) is not None:
        if records:
            yield records


def read_part(
    store: Store, types: Types, part: Part, first: int = 0
) -> Iterator[list[ArchivedRecord]]:
    """A file's records from offset ``first`` on, a batch at a time. Blocks.

    Raises:
        FileNotFoundError: it isn't there.
        ArchiveError: it isn't Parquet, is cut short, or hasn't our columns.
    """
    with opened(store, part.path) as file:
        groups = [i for i in range(file.num_row_groups) if _most(file, i, "kafka_offset") >= first]
        for batch in file.iter_batches(BATCH_ROWS, row_groups=groups):
            records = records_of(types, batch)
            yield [record for record in records if record.offset >= first]


def first_at(store: Store, part: Part, at: int) -> int | None:
    """The offset of a file's first record whose timestamp is ``at`` (Unix ms) or later. Blocks.

    Row groups that end before it are passed over. Raises as ``read_part``.
    """
    with opened(store, part.path) as file:
        for group in range(file.num_row_groups):
            if _most(file, group, "kafka_timestamp") < at:
                continue
            table = file.read_row_group(group, columns=["kafka_offset", "kafka_timestamp"])
            times = table.column("kafka_timestamp").cast(pa.int64())
            later = table.column("kafka_offset").filter(pc.greater_equal(times, at))
            if len(later):
                return int(later[0].as_py())
    return None


@contextmanager
def opened(store: Store, path: str) -> Iterator[pq.ParquetFile]:
    """A file of an archive; what is wrong with it, also while it is read, names it. Blocks.

    Raises:
        FileNotFoundError: it isn't there.
        ArchiveError: it isn't Parquet, is cut short, or hasn't our columns.
    """
    name = f"{store.root}/{path}"
    try:
        with store.open(path) as source, pq.ParquetFile(source) as file:
            _check(file.schema_arrow, name)
            yield file
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise ArchiveError(f"{name}: can't be read: {error}") from error


def _check(schema: pa.Schema, name: str) -> None:
    missing = [field.name for field in RECORD_SCHEMA if field.name not in schema.names]
    if missing:
        raise ArchiveError(f"{name}: not an archive's file; it has no {', '.join(missing)}")


def _most(file: pq.ParquetFile, group: int, column: str) -> int:
    """A row group's largest value, as its statistics have it; no bound where they don't tell."""
    found = file.metadata.row_group(group)
    for index in range(found.num_columns):
        chunk = found.column(index)
        if chunk.path_in_schema == column and chunk.statistics is not None:
            return int(chunk.statistics.max_raw)
    return INT_MAX
