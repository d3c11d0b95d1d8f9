"""An archive read as a log."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streams.archive.local import LocalStore
from streams.archive.reading import ArchiveGapError, ArchiveLog
from streams.archive.rows import ArchivedRecord
from streams.archive.store import ArchiveError
from streams.history import Log
from tests.streams.archive.records import BEGAN_AT, offsets, record, write_part


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


async def everything(log: ArchiveLog, first: int = 0) -> list[ArchivedRecord]:
    return [row async for batch in log.read("metrics", 0, first) for row in batch]


def some(first: int, last: int) -> list[ArchivedRecord]:
    return [record(offset) for offset in range(first, last + 1)]


async def test_files_are_one_log(store: LocalStore) -> None:
    write_part(store, "metrics", some(1000, 1249))
    write_part(store, "metrics", some(250, 999))
    write_part(store, "metrics", [record(5)], partition=2)
    log: Log = ArchiveLog(store)
    assert log.partitions("metrics") == [0, 2]
    assert (log.beginning("metrics", 0), log.end("metrics", 0)) == (250, 1250)
    found = [row async for batch in log.read("metrics", 0) for row in batch]
    assert found == some(250, 1249)


async def test_a_reader_may_begin_anywhere(store: LocalStore) -> None:
    write_part(store, "metrics", some(0, 999))
    write_part(store, "metrics", some(1000, 1009))
    log = ArchiveLog(store)
    for first in (0, 1, 99, 100, 555, 999, 1000, 1009, 1010, 5000):
        assert offsets(await everything(log, first)) == list(range(first, 1010))


async def test_a_reader_may_begin_at_an_instant(store: LocalStore) -> None:
    write_part(store, "metrics", some(0, 999))
    write_part(store, "metrics", some(1000, 1009))
    log = ArchiveLog(store)
    for offset in (0, 1, 99, 100, 555, 1000, 1009, 1010):
        assert await log.first_at("metrics", 0, BEGAN_AT + offset) == offset
    assert await log.first_at("metrics", 0, -1) == 0
    assert await log.first_at("metrics", 0, BEGAN_AT + 5000) == 1010


async def test_a_covered_file_is_ignored(store: LocalStore) -> None:
    for first in (0, 10, 20):
        write_part(store, "metrics", some(first, first + 9))
    write_part(store, "metrics", some(0, 19))
    assert await everything(ArchiveLog(store)) == some(0, 29)


async def test_holes_in_a_file_are_no_gaps(store: LocalStore) -> None:
    write_part(store, "metrics", [record(3), record(7)], first=0, last=9)
    write_part(store, "metrics", [record(10)])
    assert offsets(await everything(ArchiveLog(store))) == [3, 7, 10]


async def test_a_gap_between_files_is_refused_unless_allowed(store: LocalStore) -> None:
    write_part(store, "metrics", some(0, 9))
    write_part(store, "metrics", some(15, 19))
    with pytest.raises(ArchiveGapError, match="metrics, partition 0: offsets 10 to 14"):
        await everything(ArchiveLog(store))
    log = ArchiveLog(store, allow_gaps=True)
    assert offsets(await everything(log)) == [*range(10), *range(15, 20)]


async def test_what_comes_later_is_not_read(store: LocalStore) -> None:
    write_part(store, "metrics", some(0, 9))
    log = ArchiveLog(store)
    write_part(store, "metrics", some(10, 19))
    assert len(await everything(log)) == 10


async def test_compaction_while_it_reads(store: LocalStore) -> None:
    parts = [write_part(store, "metrics", some(first, first + 9)) for first in (0, 10, 20)]
    log = ArchiveLog(store)
    write_part(store, "metrics", some(0, 29))
    for part in parts:
        store.delete(part.path)
    assert await everything(log) == some(0, 29)


async def test_a_file_that_vanishes_is_a_gap(store: LocalStore) -> None:
    parts = [write_part(store, "metrics", some(first, first + 9)) for first in (0, 10, 20)]
    log = ArchiveLog(store)
    store.delete(parts[1].path)
    with pytest.raises(ArchiveGapError, match="offsets 10 to 19 are in no file"):
        await everything(log)


@pytest.mark.parametrize("keep", [0, 3, 500, -4])
async def test_a_file_that_is_cut_short_is_named(store: LocalStore, keep: int) -> None:
    part = write_part(store, "metrics", some(0, 500))
    path = Path(store.root) / part.path
    os.truncate(path, keep if keep >= 0 else path.stat().st_size + keep)
    with pytest.raises(ArchiveError, match=f"{part.path}: can't be read"):
        await everything(ArchiveLog(store))


async def test_a_file_with_a_damaged_middle_is_named(store: LocalStore) -> None:
    part = write_part(store, "metrics", some(0, 500))
    path = Path(store.root) / part.path
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=part.path):
        await everything(ArchiveLog(store))


async def test_a_foreign_file_is_named(store: LocalStore) -> None:
    part = write_part(store, "metrics", some(0, 9))
    pq.write_table(pa.table({"x": [1]}), Path(store.root) / part.path)
    with pytest.raises(ArchiveError, match=f"{part.path}: not an archive's file; it has no kafka_"):
        await everything(ArchiveLog(store))


async def test_a_file_with_fewer_columns_is_read(store: LocalStore) -> None:
    part = write_part(store, "metrics", some(0, 9))
    path = Path(store.root) / part.path
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.drop_columns(["ticked_at", "trust"]), path)
    assert await everything(ArchiveLog(store)) == some(0, 9)
