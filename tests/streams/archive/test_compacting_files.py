"""What compaction does with files that aren't as usual: damaged, older, newer, unwritable."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streams.archive.chain import Chain
from streams.archive.local import LocalStaged, LocalStore
from streams.archive.naming import Part, parts_in
from streams.archive.store import ArchiveError
from tests.streams.archive.records import record, write_part
from tests.streams.archive.test_compacting import do, ranges, rows, write_small


def test_the_archiver_goes_on_after_the_last_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    write_small(store, 4)
    do(store)
    chain = Chain(store, "metrics", 0)
    assert chain.open(store.paths("metrics"), 0, 100) == 40


def test_a_damaged_file_is_named_and_nothing_else_is_touched(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    write_small(store, 3)
    path = tmp_path / parts_in(store.paths("metrics"))[1].path
    os.truncate(path, path.stat().st_size - 5)
    before = ranges(store)
    with pytest.raises(ArchiveError, match=path.name):
        do(store)
    assert ranges(store) == before


def rewrite(root: Path, part: Part, change: Callable[[pa.Table], pa.Table]) -> None:
    path = root / part.path
    pq.write_table(change(pq.read_table(path, partitioning=None)), path)


def test_a_file_of_an_older_version_is_merged(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    written = write_small(store, 3)
    rewrite(
        tmp_path, parts_in(store.paths())[0], lambda old: old.drop_columns(["session", "trust"])
    )
    before = rows(tmp_path)
    do(store)
    assert ranges(store) == [(0, 29)]
    assert rows(tmp_path) == before
    assert before[10:] == written[10:]


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    write_small(store, 5)
    newer = parts_in(store.paths())[2]
    rewrite(tmp_path, newer, lambda old: old.append_column("later", pa.array([1] * 10)))
    do(store)
    assert ranges(store) == [(0, 19), (20, 29), (30, 49)]
    assert "later" in pq.read_schema(tmp_path / newer.path).names


def test_a_full_disk_is_told_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    written = write_small(store, 3)
    publish = LocalStaged.publish

    def full(staged: LocalStaged, path: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalStaged, "publish", full)
    with pytest.raises(ArchiveError, match=r"part-0-0-29\.parquet: can't be written: .*No space"):
        do(store)
    monkeypatch.setattr(LocalStaged, "publish", publish)
    assert len(ranges(store)) == 3
    assert not [path for path in store.paths() if "_temporary" in path]
    do(store)
    assert ranges(store) == [(0, 29)]
    assert rows(tmp_path) == written


def test_a_covering_file_with_fewer_rows_deletes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    write_small(store, 2)
    write_part(store, "metrics", [record(0)], first=0, last=19)
    with pytest.raises(ArchiveError, match=r"part-0-0-19\.parquet: has fewer rows than"):
        do(store)
    assert len(ranges(store)) == 3
