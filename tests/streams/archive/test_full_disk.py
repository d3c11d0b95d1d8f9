"""A disk that is full at any moment, and has room again later, costs no record."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from streams.archive import publishing, writing
from streams.archive.chain import Chain
from streams.archive.local import LocalStaged, LocalStore
from streams.archive.naming import TEMPORARY, parts_in
from streams.archive.publishing import PartitionArchive
from streams.archive.store import ArchiveError, is_full
from streams.settings import Archive
from tests.streams.archive.records import TYPES, record

TOPIC = "metrics"
COUNT = 90


class FullDisk:
    """Has no room at one step, counted from 1, and for so many tries after it."""

    def __init__(self, step: int, tries: int = 2) -> None:
        self._first, self._last = step, step + tries - 1
        self.steps = 0
        self.refusals = 0

    def use(self) -> None:
        self.steps += 1
        if self._first <= self.steps <= self._last:
            self.refusals += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullStore(LocalStore):
    """A store on such a disk."""

    def __init__(self, root: Path, disk: FullDisk) -> None:
        super().__init__(root)
        self._disk = disk

    def create(self, path: str, content: bytes) -> None:
        self._disk.use()
        super().create(path, content)

    @contextmanager
    def stage(self, topic: str) -> Iterator[LocalStaged]:
        self._disk.use()
        with super().stage(topic) as staged:
            yield staged


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Callable[[FullDisk], None]:
    """Lets writes fail too, when the disk is half-way through them."""
    write = os.pwrite

    def to(disk: FullDisk) -> None:
        def pwrite(descriptor: int, data: bytearray, offset: int) -> int:
            disk.use()
            return write(descriptor, data[: max(4000, len(data) // 2)], offset)

        monkeypatch.setattr(os, "pwrite", pwrite)

    return to


def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that thirty records are several row groups."""
    monkeypatch.setattr(publishing, "CHUNK_ROWS", 7)
    monkeypatch.setattr(writing, "GROUP_ROWS", 10)


def insist(work: Callable[[], None]) -> None:
    """As ``agents.room``: again, while the disk is full."""
    for _ in range(10):
        try:
            work()
        except ArchiveError as error:
            if not is_full(error):
                raise
        else:
            return
    raise AssertionError("it is never done")


def archive_all(root: Path, disk: FullDisk) -> None:
    """Ninety records in three files; the first one's range was claimed by another, and is cut."""
    store = FullStore(root, disk)
    chain = Chain(store, TOPIC, 0)
    chain.open(store.paths(TOPIC), 0, COUNT)
    archive = PartitionArchive(store, chain, TYPES, Archive(), lambda: 0.0)
    for first in range(0, COUNT, 30):
        archive.take([record(offset) for offset in range(first, first + 30)])
        if first % 60:
            insist(archive.convert)
        insist(archive.write)
        insist(archive.publish)
        assert archive.held_bytes == 0
    archive.discard()


def offsets(root: Path) -> list[int]:
    found: list[int] = []
    for part in parts_in(LocalStore(root).paths(TOPIC)):
        table = pq.read_table(root / part.path, partitioning=None)
        found += table.column("kafka_offset").to_pylist()
        assert (found[-1], table.num_rows) == (part.last, part.last - part.first + 1)
    return found


def claim(root: Path) -> None:
    LocalStore(root).create(f"{TOPIC}/_claims/0-0", b'{"last":11,"date":"2026-09-21"}')


def test_full_at_each_step_in_turn(
    tmp_path: Path, fill: Callable[[FullDisk], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    small_groups(monkeypatch)
    never = FullDisk(0, 0)
    fill(never)
    (tmp_path / "0").mkdir()
    claim(tmp_path / "0")
    archive_all(tmp_path / "0", never)
    assert 20 < never.steps < 200
    for step in range(1, never.steps + 1):
        root = tmp_path / str(step)
        root.mkdir()
        claim(root)
        disk = FullDisk(step)
        monkeypatch.undo()
        small_groups(monkeypatch)
        fill(disk)
        archive_all(root, disk)
        assert disk.refusals
        assert offsets(root) == list(range(COUNT)), f"full at step {step}"
        assert not list(root.glob(f"*/{TEMPORARY}/*")), "nothing is left behind"


def test_what_did_not_reach_the_disk_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sync that failed the kernel may have thrown the bytes away."""

    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = LocalStore(tmp_path)
    with store.stage(TOPIC) as staged:
        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(ArchiveError, match="can't be known to be on the disk") as raised:
            staged.publish(f"{TOPIC}/date=2026-09-21/part-0-0-0.parquet")
    assert not is_full(raised.value)
