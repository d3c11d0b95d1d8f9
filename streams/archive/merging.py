"""Several files of a partition as one, with the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from streams.archive.naming import Part
from streams.archive.reading import opened
from streams.archive.rows import Types, table_schema
from streams.archive.store import ArchiveError, Store
from streams.archive.writing import GROUP_BYTES, GROUP_ROWS, layout


def is_mergeable(types: Types, schema: pa.Schema) -> bool:
    """Whether a file has no columns but those that we write: a newer version's are left alone."""
    ours = table_schema(types)
    try:
        return bool(pa.unify_schemas([ours, schema], promote_options="permissive").equals(ours))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return False


def merge(store: Store, types: Types, files: Sequence[Part], whole: Part) -> int:
    """Publishes ``whole`` with the rows of these files, in their order; returns how many. Blocks.

    Memory holds one row group, and one of a file. Columns that an older file hasn't are null.

    Raises:
        FileNotFoundError: a file isn't there.
        ArchiveError: a file is damaged, its rows aren't after those of the one before, or the
            large one can't be written.
    """
    try:
        return _merge(store, types, files, whole)
    except FileNotFoundError:
        raise
    except OSError as error:  # a full disk's says nothing of where
        raise ArchiveError(f"{store.root}/{whole.path}: can't be written: {error}") from error


def _merge(store: Store, types: Types, files: Sequence[Part], whole: Part) -> int:
    rows, last = 0, -1
    with store.stage(whole.topic) as staged:
        with pq.ParquetWriter(staged.file, table_schema(types), **layout(types)) as writer:
            for table in _groups(store, types, files):
                offsets = table.column("kafka_offset")
                if offsets[0].as_py() <= last or offsets[-1].as_py() > whole.last:
                    where = f"{store.root}/{whole.topic}, partition {whole.partition}"
                    raise ArchiveError(
                        f"{where}: offset {offsets[0].as_py()} follows {last}; see verify --deep"
                    )
                last = offsets[-1].as_py()
                rows += table.num_rows
                writer.write_table(table, row_group_size=table.num_rows)
        staged.publish(whole.path)
    return rows


def _groups(store: Store, types: Types, files: Sequence[Part]) -> Iterator[pa.Table]:
    """All rows in row groups of the usual size."""
    held: list[pa.Table] = []
    for part in files:
        for table in _tables(store, types, part):
            held.append(table)
            if sum(row.num_rows for row in held) >= GROUP_ROWS or (
                sum(row.nbytes for row in held) >= GROUP_BYTES
            ):
                yield pa.concat_tables(held)
                held = []
    if held:
        yield pa.concat_tables(held)


def _tables(store: Store, types: Types, part: Part) -> Iterator[pa.Table]:
    ours = table_schema(types).empty_table()
    with opened(store, part.path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            if table.num_rows:
                yield pa.concat_tables([ours, table], promote_options="permissive")
