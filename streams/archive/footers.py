"""What a file says of itself, without its rows: the footer and its statistics."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from streams.archive.naming import Part, date_of
from streams.archive.reading import opened
from streams.archive.store import Store


@dataclass(frozen=True)
class Span:
    """The least and the largest value of a column; ``groups``: of each row group, in order."""

    groups: tuple[tuple[int, int], ...]

    @property
    def least(self) -> int:
        return min(least for least, _ in self.groups)

    @property
    def most(self) -> int:
        return max(most for _, most in self.groups)

    @property
    def ascending(self) -> bool:
        """Whether each row group begins after the one before it."""
        return all(left[1] < right[0] for left, right in pairwise(self.groups))


@dataclass(frozen=True)
class Footer:
    """A file as it says it is; the spans are None when it has no rows. Timestamps in Unix ms."""

    rows: int
    schema: pa.Schema
    offsets: Span | None
    partitions: Span | None
    timestamps: Span | None
    first_offset: int | None
    first_date: str | None


def read_footer(store: Store, part: Part) -> Footer:
    """Reads a file's footer, and the columns that have no statistics. Blocks.

    Raises:
        FileNotFoundError: it isn't there.
        ArchiveError: it isn't Parquet, is cut short, or hasn't our columns.
    """
    with opened(store, part.path) as file:
        groups = [n for n in range(file.num_row_groups) if file.metadata.row_group(n).num_rows]
        first = _first(file, groups[0]) if groups else None
        return Footer(
            rows=file.metadata.num_rows,
            schema=file.schema_arrow,
            offsets=_span(file, groups, "kafka_offset"),
            partitions=_span(file, groups, "kafka_partition"),
            timestamps=_span(file, groups, "kafka_timestamp"),
            first_offset=first[0] if first else None,
            first_date=date_of(first[1]) if first else None,
        )


def _span(file: pq.ParquetFile, groups: list[int], name: str) -> Span | None:
    if not groups:
        return None
    return Span(tuple(_bounds(file, group, name) for group in groups))


def _bounds(file: pq.ParquetFile, group: int, name: str) -> tuple[int, int]:
    found = file.metadata.row_group(group)
    for index in range(found.num_columns):
        chunk = found.column(index)
        if chunk.path_in_schema == name and chunk.statistics is not None:
            return int(chunk.statistics.min_raw), int(chunk.statistics.max_raw)
    values: Any = pc.min_max(_column(file, group, name))
    return int(values["min"].as_py()), int(values["max"].as_py())


def _column(file: pq.ParquetFile, group: int, name: str) -> pa.ChunkedArray:
    return file.read_row_group(group, columns=[name]).column(name).cast(pa.int64())


def _first(file: pq.ParquetFile, group: int) -> tuple[int, int]:
    names = ["kafka_offset", "kafka_timestamp"]
    batch = next(file.iter_batches(1, row_groups=[group], columns=names))
    return (
        int(batch.column("kafka_offset")[0].as_py()),
        int(batch.column("kafka_timestamp").cast(pa.int64())[0].as_py()),
    )
