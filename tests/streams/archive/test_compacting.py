"""Small files become large ones, and nothing is lost or twice, whenever it is looked at."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq
import pytest

from streams.archive.compacting import Compacted, Limits, compact
from streams.archive.listing import COMPACTIONS
from streams.archive.local import LocalStore
from streams.archive.naming import parts_in
from streams.archive.reading import ArchiveLog
from streams.archive.rows import ArchivedRecord
from streams.archive.store import Staged, Store
from streams.archive.verifying import verify
from tests.streams.archive.records import holding, record, write_part

LIMITS = Limits(min_rows=1000)
DAY = 86_400_000


class KilledError(Exception):
    """As if the process had been killed: nothing after it is done."""


class Stepping(LocalStore):
    """Comes to ``step`` before and after whatever changes the directory."""

    def __init__(self, root: Path, step: Callable[[], None]) -> None:
        super().__init__(root)
        self._step = step

    def create(self, path: str, content: bytes) -> None:
        self._step()
        super().create(path, content)
        self._step()

    def delete(self, path: str) -> None:
        self._step()
        super().delete(path)
        self._step()

    @contextmanager
    def stage(self, topic: str) -> Iterator[Staged]:  # type: ignore[override]
        with super().stage(topic) as staged:
            yield _Staged(staged, self._step)


class _Staged:
    def __init__(self, inner: Staged, step: Callable[[], None]) -> None:
        self._inner = inner
        self._step = step

    @property
    def file(self) -> BinaryIO:
        return self._inner.file

    def publish(self, path: str) -> None:
        self._step()
        self._inner.publish(path)
        self._step()


def killing(after: int) -> Callable[[], None]:
    left = [after]

    def step() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KilledError

    return step


def write_small(store: Store, files: int, size: int = 10) -> list[ArchivedRecord]:
    written = []
    for number in range(files):
        records = [record(offset) for offset in range(number * size, (number + 1) * size)]
        write_part(store, "metrics", records)
        written += records
    return written


def ranges(store: Store) -> list[tuple[int, int]]:
    return [(part.first, part.last) for part in parts_in(store.paths("metrics"))]


def do(store: Store, limits: Limits = LIMITS) -> list[Compacted]:
    return list(compact(store, "metrics", limits))


def rows(root: Path) -> list[ArchivedRecord]:
    """As our reader has them."""

    async def read() -> list[ArchivedRecord]:
        log = ArchiveLog(LocalStore(root), ["metrics"])
        found: list[ArchivedRecord] = []
        for number in log.partitions("metrics"):
            async for batch in log.read("metrics", number):
                found += batch
        return found

    return asyncio.run(read())


def in_any_file(root: Path) -> set[int]:
    """The offsets that a program sees which reads all files."""
    found: set[int] = set()
    for path in root.glob("metrics/date=*/*.parquet"):
        table = pq.read_table(path, columns=["kafka_offset"], partitioning=None)
        found.update(table.column("kafka_offset").to_pylist())
    return found


def check_sound(root: Path) -> None:
    found = verify(LocalStore(root), now_at=0, deep=True)
    assert found.findings == []


def test_small_files_become_one_with_the_same_records(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    written = write_small(store, 12)
    (done,) = do(store)
    assert (done.files, done.part.first, done.part.last) == (12, 0, 119)
    assert done.bytes < done.bytes_before / 4
    assert ranges(store) == [(0, 119)]
    assert rows(tmp_path) == written
    check_sound(tmp_path)
    assert do(store) == []
    assert len(store.paths(f"metrics/{COMPACTIONS}")) == 1, "the newest order alone is kept"


def test_what_is_merged(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for first, last in ((0, 9), (10, 19), (25, 29), (30, 1029), (1030, 1039), (1040, 1044)):
        write_part(store, "metrics", [record(offset) for offset in range(first, last + 1)])
    next_day = [holding(1045 + DAY + number, None) for number in range(5)]
    write_part(store, "metrics", next_day, first=1045)
    write_part(store, "metrics", [record(0)], partition=1)
    do(store)
    found = [(part.partition, part.first, part.last) for part in parts_in(store.paths("metrics"))]
    assert found == [
        (0, 0, 19),
        (0, 25, 29),
        (0, 30, 1029),
        (0, 1030, 1044),
        (0, 1045, 1049 + DAY),
        (1, 0, 0),
    ], "not over a gap, not a large one, not of two days, not of two partitions"


def test_files_stay_below_the_size(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    write_small(store, 6, 30)
    size = store.size(store.paths("metrics")[0])
    do(store, Limits(target_bytes=3 * size))
    assert ranges(store)[0][1] >= 89
    assert len(ranges(store)) < 4
    check_sound(tmp_path)


def test_a_reader_sees_every_record_once_at_any_moment(tmp_path: Path) -> None:
    written = write_small(LocalStore(tmp_path), 5)
    looked = []

    def look() -> None:
        assert rows(tmp_path) == written
        assert in_any_file(tmp_path) == set(range(50)), "others may see rows twice, never too few"
        assert verify(LocalStore(tmp_path), now_at=0).ok
        looked.append(1)

    do(Stepping(tmp_path, look))
    assert len(looked) > 12


@pytest.mark.parametrize("steps", range(18))
def test_killed_at_any_step(tmp_path: Path, steps: int) -> None:
    written = write_small(LocalStore(tmp_path), 5)
    with contextlib.suppress(KilledError):
        do(Stepping(tmp_path, killing(steps)))
    assert rows(tmp_path) == written
    write_part(LocalStore(tmp_path), "metrics", [record(offset) for offset in range(50, 60)])
    do(LocalStore(tmp_path))
    assert rows(tmp_path) == [*written, *map(record, range(50, 60))]
    assert ranges(LocalStore(tmp_path))[-1][1] == 59
    assert len(ranges(LocalStore(tmp_path))) <= 2
    check_sound(tmp_path)


@pytest.mark.parametrize("files", [2, 3, 5])
@pytest.mark.parametrize("at", range(1, 16))
def test_two_at_a_time(tmp_path: Path, at: int, files: int) -> None:
    """One stops at a step; meanwhile files come, and another goes through with other sizes."""
    store = LocalStore(tmp_path)
    written = write_small(store, 5)
    step = [0]

    def other() -> None:
        step[0] += 1
        if step[0] == at:
            more = [record(offset) for offset in range(50, 60)]
            write_part(store, "metrics", more)
            written.extend(more)
            size = max(store.size(part.path) for part in parts_in(store.paths("metrics")))
            do(store, Limits(target_bytes=files * size))
        assert rows(tmp_path) == written

    do(Stepping(tmp_path, other))
    do(store)
    assert rows(tmp_path) == written
    check_sound(tmp_path)
