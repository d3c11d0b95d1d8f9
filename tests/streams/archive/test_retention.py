"""Old files go, the chain stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.archive.chain import Chain
from streams.archive.listing import PRUNED
from streams.archive.local import LocalStore
from streams.archive.naming import parts_in
from streams.archive.retention import Pruned, prune
from streams.archive.store import ArchiveError
from streams.archive.verifying import verify
from tests.streams.archive.records import BEGAN_AT, record, write_part


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """Five files of ten records, one per ms."""
    store = LocalStore(tmp_path)
    for first in range(0, 50, 10):
        write_part(store, "metrics", [record(offset) for offset in range(first, first + 10)])
    return store


def do(store: LocalStore, before: int, *, dry_run: bool = False) -> list[Pruned]:
    return list(prune(store, "metrics", BEGAN_AT + before, dry_run=dry_run))


def firsts(store: LocalStore) -> list[int]:
    return [part.first for part in parts_in(store.paths("metrics"))]


def marks(store: LocalStore) -> list[str]:
    return store.paths(f"metrics/{PRUNED}")


@pytest.mark.parametrize(("before", "gone"), [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2)])
def test_only_files_all_of_which_is_old(store: LocalStore, before: int, gone: int) -> None:
    assert [pruned.rows for pruned in do(store, before)] == [10] * gone
    assert firsts(store) == list(range(10 * gone, 50, 10))
    assert marks(store) == ([f"metrics/{PRUNED}/0-{10 * gone}"] if gone else [])


def test_the_newest_file_stays(store: LocalStore) -> None:
    do(store, 10_000)
    assert firsts(store) == [40]
    chain = Chain(store, "metrics", 0)
    assert chain.open(store.paths("metrics"), 0, 100) == 50


def test_a_dry_run_changes_nothing(store: LocalStore) -> None:
    assert [gone.part.first for gone in do(store, 25, dry_run=True)] == [0, 10]
    assert firsts(store) == [0, 10, 20, 30, 40]
    assert marks(store) == []


def test_an_old_file_behind_a_younger_one_stays(store: LocalStore, tmp_path: Path) -> None:
    store.delete(parts_in(store.paths())[1].path)
    late = [record(10_000 + offset) for offset in range(10)]
    write_part(store, "metrics", late, first=10, last=19)
    do(store, 100)
    assert firsts(store) == [10, 20, 30, 40], "no gap is made"


def test_what_was_pruned_is_no_gap_but_what_is_lost_besides_is(store: LocalStore) -> None:
    do(store, 20)
    assert verify(store, now_at=0).findings == []
    (state,) = verify(store, now_at=0).partitions
    assert state.pruned_before == 20
    store.delete(parts_in(store.paths())[0].path)
    (finding,) = verify(store, now_at=0).findings
    assert (finding.kind, finding.problem) == ("gap", "offsets 20 to 29 are in no file")


def test_killed_between_the_mark_and_the_file(store: LocalStore) -> None:
    next(prune(store, "metrics", BEGAN_AT + 20))
    store.create(f"metrics/{PRUNED}/0-20", b"")
    assert verify(store, now_at=0).ok
    do(store, 20)
    assert firsts(store) == [20, 30, 40]
    assert marks(store) == [f"metrics/{PRUNED}/0-20"]


def test_covered_files_go_with_the_large_one(store: LocalStore) -> None:
    write_part(store, "metrics", [record(offset) for offset in range(20)])
    do(store, 20)
    assert firsts(store) == [20, 30, 40]
    write_part(store, "metrics", [record(offset) for offset in range(30, 50)])
    do(store, 1000)
    assert firsts(store) == [30, 40]


def test_a_file_that_can_not_be_read_stays(store: LocalStore, tmp_path: Path) -> None:
    path = parts_in(store.paths())[1].path
    (tmp_path / path).write_bytes(b"x")
    with pytest.raises(ArchiveError, match=path):
        do(store, 1000)
    assert firsts(store) == [10, 20, 30, 40]
