"""One partition's chain, with everything that can come between its steps."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from streams.archive.chain import Chain
from streams.archive.local import LocalStore
from streams.archive.naming import TEMPORARY, Part, claim_path, parts_in
from streams.archive.publishing import PartitionArchive, stagger
from streams.archive.store import ArchiveError
from streams.archive.writing import GROUP_BYTES, GROUP_ROWS
from streams.settings import Archive
from tests.streams.archive.records import TYPES, holding, record, write_part

TOPIC = "metrics"
END = 10_000


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Lab:
    """Archivers of one partition: as many as a test makes."""

    def __init__(self, root: Path) -> None:
        self.store = LocalStore(root)
        self.clock = Clock()
        self.made: list[PartitionArchive] = []

    def archiver(self, beginning: int = 0, end: int = END, **limits: float) -> PartitionArchive:
        chain = Chain(self.store, TOPIC, 0)
        chain.open(self.store.paths(TOPIC), beginning, end)
        sections = Archive(**limits)  # type: ignore[arg-type]
        self.made.append(PartitionArchive(self.store, chain, TYPES, sections, self.clock))
        return self.made[-1]

    def claim(self, first: int, last: int, date: str = "2026-09-21") -> None:
        content = f'{{"last":{last},"date":"{date}"}}'.encode()
        self.store.create(claim_path(TOPIC, 0, first), content)

    def ranges(self) -> list[tuple[int, int]]:
        return [(part.first, part.last) for part in parts_in(self.store.paths(TOPIC))]

    def offsets(self) -> list[int]:
        """Of every row of every file."""
        found: list[int] = []
        for part in parts_in(self.store.paths(TOPIC)):
            path = Path(self.store.root) / part.path
            found += pq.read_table(path, partitioning=None).column("kafka_offset").to_pylist()
        return found

    def claims(self) -> list[str]:
        return [path for path in self.store.paths(TOPIC) if "_claims" in path]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    for archiver in lab.made:
        archiver.discard()


def take(archiver: PartitionArchive, offsets: Iterable[int]) -> None:
    archiver.take([record(offset) for offset in offsets])


def test_files_follow_each_other(lab: Lab) -> None:
    archiver = lab.archiver()
    for first in (0, 10, 20):
        take(archiver, range(first, first + 10))
        archiver.publish()
    assert lab.ranges() == [(0, 9), (10, 19), (20, 29)]
    assert lab.claims() == [claim_path(TOPIC, 0, 20)], "the newest alone is kept"
    assert lab.archiver().chain.first == 30
    archiver.publish()
    assert len(lab.ranges()) == 3, "nothing new, no file"


def test_holes_are_in_the_names(lab: Lab) -> None:
    archiver = lab.archiver()
    take(archiver, [3, 7])
    archiver.publish()
    take(archiver, [12])
    archiver.publish()
    assert lab.ranges() == [(0, 7), (8, 12)]


def test_the_day_is_that_of_the_first_record(lab: Lab) -> None:
    archiver = lab.archiver()
    archiver.take([holding(0, None), holding(86_400_000, None)])
    archiver.publish()
    assert parts_in(lab.store.paths())[0] == Part(TOPIC, 0, 0, 86_400_000, "2026-09-21")


def test_when_a_file_is_due(lab: Lab) -> None:
    archiver = lab.archiver(roll_rows=10, roll_s=60)
    assert not archiver.due()
    take(archiver, range(9))
    assert not archiver.due()
    take(archiver, [9])
    assert archiver.due(), "by rows"
    archiver.publish()
    assert not archiver.due()
    take(archiver, [10])
    lab.clock.now_s = 59.9
    assert not archiver.due()
    lab.clock.now_s = 60
    assert archiver.due(), "by age"
    large = lab.archiver(roll_bytes=5000)
    take(large, range(11, 500))
    assert not large.due()
    large.write()
    assert large.due(), "by size"


def test_partitions_opened_together_are_not_due_together(lab: Lab) -> None:
    archiver = lab.archiver(roll_s=60)
    share = stagger(TOPIC, 0)
    take(archiver, [0])
    lab.clock.now_s = 60 * share - 0.1
    assert not archiver.due()
    lab.clock.now_s = 60 * share
    assert archiver.due()
    shares = sorted(stagger(topic, part) for topic in ("queries", "metrics") for part in range(50))
    gaps = [after - before for before, after in pairwise(shares)]
    assert shares[0] > 0
    assert shares[-1] <= 1
    assert max(gaps) < 0.1


def test_memory_is_left_when_asked(lab: Lab) -> None:
    archiver = lab.archiver()
    take(archiver, range(999))
    assert not archiver.full
    assert archiver.held_bytes > 300_000
    archiver.write()
    assert archiver.held_bytes == 0
    archiver.discard()
    assert lab.store.paths() == []


def test_many_records_are_made_columns(lab: Lab) -> None:
    archiver = lab.archiver()
    take(archiver, range(1000))
    assert archiver.full


def test_row_groups_are_of_the_same_size_however_records_come(lab: Lab) -> None:
    archiver = lab.archiver(end=100_000)
    for offset in range(0, 25_000, 700):
        take(archiver, range(offset, offset + 700))
        archiver.convert()
        if archiver.group_full:
            archiver.write()
    assert archiver.held_bytes < GROUP_BYTES
    archiver.publish()
    (part,) = parts_in(lab.store.paths())
    found = pq.ParquetFile(Path(lab.store.root) / part.path).metadata
    sizes = [found.row_group(index).num_rows for index in range(found.num_row_groups)]
    assert all(GROUP_ROWS <= size < GROUP_ROWS + 700 for size in sizes[:-1])


def test_a_claim_without_its_file_is_finished_with_its_range(lab: Lab) -> None:
    lab.claim(0, 24, "2026-09-20")
    archiver = lab.archiver(roll_s=60)
    take(archiver, range(24))
    lab.clock.now_s = 1000
    assert not archiver.due(), "it isn't complete"
    archiver.publish()
    assert lab.ranges() == []
    take(archiver, range(24, 40))
    assert archiver.due()
    archiver.publish()
    assert lab.ranges() == [(0, 24), (25, 39)]
    assert lab.offsets() == list(range(40))
    assert parts_in(lab.store.paths())[0].date == "2026-09-20", "the claim decides the whole name"


def test_a_claim_whose_last_record_is_gone_is_finished_by_a_later_one(lab: Lab) -> None:
    lab.claim(0, 9)
    archiver = lab.archiver()
    take(archiver, [*range(8), 12])
    assert archiver.due()
    archiver.publish()
    assert lab.ranges() == [(0, 9), (10, 12)]
    assert lab.offsets() == [*range(8), 12]


def test_a_claim_of_which_nothing_is_left(lab: Lab) -> None:
    lab.claim(0, 9)
    archiver = lab.archiver(beginning=5)
    take(archiver, [12])
    archiver.publish()
    assert lab.ranges() == [(0, 9), (10, 12)]
    assert lab.offsets() == [12]


@pytest.mark.parametrize("rival", [4, 9, 14])
def test_a_rival_that_claims_first_decides(lab: Lab, rival: int) -> None:
    one, other = lab.archiver(), lab.archiver()
    take(one, range(10))
    one.write()
    lab.claim(0, rival)  # the rival is about to publish
    one.publish()
    take(one, range(10, 20))
    one.publish()
    take(other, range(rival + 1))
    other.publish()
    take(other, range(rival + 1, 20))
    other.publish()
    assert lab.offsets() == list(range(20))
    assert lab.ranges()[0] == (0, rival)


def test_two_archivers_in_any_order(lab: Lab) -> None:
    """Each publishes what it has when its turn comes; the archive is one of them."""
    one, other = lab.archiver(), lab.archiver()
    for turn in range(40):
        late, early = (one, other) if turn % 3 else (other, one)
        take(early, range(early_end(early), 10 * turn + 7))
        early.publish()
        take(late, range(early_end(late), 10 * turn + 3))
        if turn % 2:
            late.publish()
    for archiver in (one, other):
        take(archiver, range(early_end(archiver), 420))
        archiver.publish()
    assert lab.offsets() == list(range(420))


def early_end(archiver: PartitionArchive) -> int:
    """Where this archiver's consumer is."""
    return max(archiver._seen + 1, 0)


def test_a_zombie_far_behind_lets_its_records_go(lab: Lab) -> None:
    zombie = lab.archiver()
    take(zombie, range(15))
    zombie.write()
    other = lab.archiver()
    for first in (0, 10, 20):
        take(other, range(first, first + 10))
        other.publish()
    for part in parts_in(lab.store.paths())[:2]:
        lab.store.delete(part.path)
    write_part(lab.store, TOPIC, [record(offset) for offset in range(20)])  # compaction
    zombie.publish()
    assert lab.ranges() == [(0, 19), (20, 29)]
    assert zombie.chain.first == 30
    take(zombie, range(15, 30))
    assert zombie.held_bytes == 0
    take(zombie, range(30, 35))
    zombie.publish()
    assert lab.offsets() == list(range(35))


def test_what_retention_took_is_a_gap_and_is_told(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    archiver = lab.archiver()
    take(archiver, range(10))
    archiver.publish()
    with caplog.at_level(logging.WARNING):
        later = lab.archiver(beginning=50)
    assert "offsets 10 to 49 were deleted before they were archived" in caplog.text
    take(later, range(50, 60))
    later.publish()
    assert lab.ranges() == [(0, 9), (50, 59)]
    assert lab.archiver(beginning=55).chain.first == 60


def test_a_claim_after_a_gap_is_finished_too(lab: Lab) -> None:
    write_part(lab.store, TOPIC, [record(offset) for offset in range(10)])
    lab.claim(50, 54)
    archiver = lab.archiver(beginning=50)
    assert archiver.chain.first == 50
    take(archiver, range(50, 60))
    archiver.publish()
    assert lab.ranges() == [(0, 9), (50, 54), (55, 59)]


def test_a_claim_that_retention_overtook_is_left(lab: Lab) -> None:
    lab.claim(0, 9)
    archiver = lab.archiver(beginning=20)
    take(archiver, range(20, 30))
    archiver.publish()
    assert lab.ranges() == [(20, 29)]


def test_a_topic_that_was_made_anew_is_refused(lab: Lab) -> None:
    write_part(lab.store, TOPIC, [record(offset) for offset in range(10)])
    with pytest.raises(ArchiveError, match=r"offset 9, but the broker's ends at 4.*made anew"):
        lab.archiver(end=5)
    assert lab.archiver(end=10).chain.first == 10


@pytest.mark.parametrize("content", [b"", b"{}", b'{"last":3,"date":"2026-01-01"}'])
def test_a_claim_that_can_not_be_read_is_named(lab: Lab, content: bytes) -> None:
    lab.store.create(claim_path(TOPIC, 0, 7), content)
    with pytest.raises(ArchiveError, match="metrics/_claims/0-7: not a claim"):
        lab.archiver()


def test_a_directory_that_fails_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    archiver = lab.archiver()
    take(archiver, range(10))
    archiver.write()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ArchiveError, match=r"metrics, partition 0: can't be written.*No space"):
        archiver.publish()
    monkeypatch.undo()
    archiver.discard()
    assert [path for path in lab.store.paths() if TEMPORARY in path] == []
