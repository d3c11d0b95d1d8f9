"""One file in the making: row groups go to the disk as they come, so that memory stays flat."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from streams.archive.naming import Part, date_of
from streams.archive.rows import Types, table_of, table_schema
from streams.archive.spool import Spool
from streams.archive.store import Store
from streams.history import LoggedRecord

# Small enough that a query on time passes over most of a file, large enough to be read fast.
GROUP_ROWS = 10_000
GROUP_BYTES = 16 * 1024 * 1024
COMPRESSION = "zstd"
# Each value is another one, so that a dictionary, or the smallest of them, would be of no use.
DISTINCT = frozenset(
    {"query_id", "key", "raw", "prompt", "messages", "input", "text", "embeddings", "query"}
)
DELTA = "DELTA_BINARY_PACKED"


@cache
def layout(types: Types) -> Mapping[str, Any]:
    """How a topic's columns are written: what grows slowly as differences, names once each."""
    schema = table_schema(types)
    growing = [row.name for row in schema if _grows(row.name)]
    repeating = [path for path in _leaves(schema) if path.partition(".")[0] not in DISTINCT]
    return {
        "compression": COMPRESSION,
        "column_encoding": dict.fromkeys(growing, DELTA),
        "use_dictionary": [path for path in repeating if path not in growing],
        "write_statistics": repeating,
    }


def _grows(name: str) -> bool:
    return name in ("kafka_offset", "kafka_timestamp") or name.endswith("_at")


def _leaves(schema: pa.Schema) -> list[str]:
    """The columns as Parquet has them, a struct's fields apart."""
    file = BytesIO()
    pq.write_table(schema.empty_table(), file)
    found = pq.ParquetFile(file).schema
    return [found.column(index).path for index in range(len(found))]


class PartWriter:
    """A staged file of one partition. Every method but ``add`` blocks.

    ``rows`` so far, the ``last`` offset (-1: none yet), and ``date``, the UTC day of the first
    record.
    """

    def __init__(self, store: Store, topic: str, partition: int, types: Types) -> None:
        self._store = store
        self._topic = topic
        self._partition = partition
        self._types = types
        self._stack = ExitStack()
        self._staged = self._stack.enter_context(store.stage(topic))
        self._spool = Spool(self._staged.file)
        self._writer = pq.ParquetWriter(self._spool, table_schema(types), **layout(types))
        self._group: list[pa.Table] = []
        self._group_rows = 0
        self._group_bytes = 0
        self.rows = 0
        self.last = -1
        self.date = ""

    @property
    def bytes(self) -> int:
        """What was written so far, compressed."""
        return self._spool.tell()

    @property
    def held_bytes(self) -> int:
        """What is in memory, until its row group is full and the disk has taken it."""
        return self._group_bytes + self._spool.held_bytes

    def add(self, records: Sequence[LoggedRecord]) -> None:
        """Takes records, which follow those before, as columns; a few ms for a thousand."""
        self._add(table_of(self._types, self._partition, records))

    def _add(self, table: pa.Table) -> None:
        if not table.num_rows:
            return
        if not self.rows:
            first = table.column("kafka_timestamp")[0].cast(pa.int64()).as_py()
            self.date = date_of(first)
        self.rows += table.num_rows
        self.last = table.column("kafka_offset")[-1].as_py()
        self._group.append(table)
        self._group_rows += table.num_rows
        self._group_bytes += table.nbytes

    @property
    def full(self) -> bool:
        """Whether what is in memory is a row group: time to ``flush``."""
        return self._group_rows >= GROUP_ROWS or self._group_bytes >= GROUP_BYTES

    def flush(self) -> None:
        """Writes what is in memory, as one row group.

        Raises:
            OSError: no room on the disk; call it again, nothing is lost.
        """
        if self._group:
            self._writer.write_table(pa.concat_tables(self._group), row_group_size=self._group_rows)
        self._group = []
        self._group_rows = self._group_bytes = 0
        self._spool.settle()

    def _close(self) -> None:
        self.flush()
        self._writer.close()  # the first time only
        self._spool.settle()

    def split(self, last: int) -> tuple[PartWriter, PartWriter]:
        """Two files in place of this one: up to offset ``last``, and the rest."""
        self._close()
        with ExitStack() as failed:
            failed.callback((head := self._another()).discard)
            failed.callback((rest := self._another()).discard)
            self._deal(last, head, rest)
            failed.pop_all()
        self.discard()
        return head, rest

    def _deal(self, last: int, head: PartWriter, rest: PartWriter) -> None:
        self._staged.file.seek(0)
        with pq.ParquetFile(self._staged.file) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                early = bisect_right(table.column("kafka_offset").to_pylist(), last)
                head._add(table.slice(0, early))
                rest._add(table.slice(early))
                head.flush()
                rest.flush()

    def _another(self) -> PartWriter:
        return PartWriter(self._store, self._topic, self._partition, self._types)

    def publish(self, part: Part) -> None:
        """Finishes the file and makes it visible, whole and durable, as ``part``.

        Raises:
            OSError: no room on the disk; call it again, nothing is lost.
        """
        self._close()
        self._staged.publish(part.path)
        self._stack.close()

    def discard(self) -> None:
        """Leaves nothing behind, also on a disk that is full."""
        with suppress(OSError):
            self._writer.close()
        with suppress(OSError):
            self._stack.close()
