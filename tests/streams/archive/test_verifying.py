"""Each kind of damage is found, and named with what to do; an archive in use isn't damage."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.query import Query
from streams.archive.findings import Finding
from streams.archive.local import LocalStore
from streams.archive.naming import TEMPORARY, Part, claim_path, parts_in
from streams.archive.rows import table_of
from streams.archive.store import ArchiveError
from streams.archive.verifying import verify
from tests.streams.archive.records import holding, record, write_part

NOW_AT = 4_000_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """Three files of 300 records, in row groups of 100."""
    store = LocalStore(tmp_path)
    for first in range(0, 900, 300):
        write_part(store, "metrics", [record(offset) for offset in range(first, first + 300)])
    return store


def part(store: LocalStore, number: int = 1) -> Part:
    return parts_in(store.paths())[number]


def kinds(store: LocalStore, *, deep: bool = False) -> list[str]:
    found = verify(store, now_at=NOW_AT, deep=deep).findings
    for finding in found:
        assert finding.where
        assert finding.advice
    return [finding.kind for finding in found]


def one(store: LocalStore, *, deep: bool = False) -> Finding:
    (finding,) = verify(store, now_at=NOW_AT, deep=deep).findings
    return finding


def test_a_sound_one(store: LocalStore) -> None:
    store.create(claim_path("metrics", 0, 600), b"{}")
    store.create("metrics/_compactions/0-0", b"{}")
    told: list[tuple[int, int]] = []
    found = verify(
        store, now_at=NOW_AT, deep=True, progress=lambda done, total: told.append((done, total))
    )
    assert found.findings == []
    assert found.ok
    (state,) = found.partitions
    assert (state.first, state.last, state.files, state.rows, state.holes) == (0, 899, 3, 900, 0)
    assert state.bytes == sum(store.size(row.path) for row in parts_in(store.paths()))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="there is no archive"):
        verify(LocalStore(tmp_path / "x"), now_at=0)
    with pytest.raises(ArchiveError, match="no topic metrix"):
        verify(LocalStore(tmp_path), ["metrix"], now_at=0)


def test_a_gap(store: LocalStore) -> None:
    store.delete(part(store).path)
    finding = one(store)
    assert (finding.kind, finding.where) == ("gap", "metrics, partition 0")
    assert finding.problem == "offsets 300 to 599 are in no file"


def test_holes_are_no_gaps(store: LocalStore) -> None:
    write_part(store, "metrics", [record(905), record(907)], first=900, last=910)
    found = verify(store, now_at=NOW_AT, deep=True)
    assert found.findings == []
    assert found.partitions[0].holes == 9


def test_an_overlap(store: LocalStore) -> None:
    write_part(store, "metrics", [record(offset) for offset in range(500, 700)])
    found = verify(store, now_at=NOW_AT).findings
    assert [row.kind for row in found] == ["overlap", "overlap"]
    assert "offsets 500 to 599 are in metrics/date=2026-09-21/part-0-300-599" in found[0].problem


def test_a_covered_file_is_a_note(store: LocalStore) -> None:
    write_part(store, "metrics", [record(offset) for offset in range(300, 900)])
    assert kinds(store) == ["covered", "covered"]
    found = verify(store, now_at=NOW_AT)
    assert found.ok
    assert found.partitions[0].rows == 900


@pytest.mark.parametrize("keep", [0, 100, -1, -9])
def test_a_torn_file(store: LocalStore, keep: int) -> None:
    path = Path(store.root) / part(store).path
    os.truncate(path, keep if keep >= 0 else path.stat().st_size + keep)
    assert (one(store).kind, one(store).where) == ("torn", part(store).path)


def test_a_damaged_middle_is_found_by_reading(store: LocalStore) -> None:
    path = Path(store.root) / part(store).path
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    assert one(store, deep=True).kind == "torn"


def test_parquet_that_is_not_ours(store: LocalStore) -> None:
    pq.write_table(pa.table({"x": [1]}), Path(store.root) / part(store).path)
    assert (one(store).kind, one(store).where) == ("foreign", part(store).path)


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt",
        "metrics/README",
        "metrics/date=2026-09-21/part-0-1-0.parquet",
        "metrics/date=2026-09-21/part-00-900-901.parquet",
        "metrics/date=2026-13-41/part-0-900-901.parquet",
        "metrics/_claims/x",
        "metrics/_other/0-1",
    ],
)
def test_a_foreign_file(store: LocalStore, path: str) -> None:
    store.create(path, b"x")
    assert (one(store).kind, one(store).where) == ("foreign", path)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("metrics/date=2026-09-21/part-0-300-598.parquet", "holds offsets 300 to 599"),
        ("metrics/date=2026-09-21/part-0-301-599.parquet", "holds offsets 300 to 599"),
        ("metrics/date=2026-09-22/part-0-300-599.parquet", "first record is of 2026-09-21"),
        ("metrics/date=2026-09-21/part-1-300-599.parquet", "holds partition 0, its name says 1"),
    ],
)
def test_a_name_that_is_not_true(store: LocalStore, path: str, says: str) -> None:
    root = Path(store.root)
    (root / path).parent.mkdir(exist_ok=True)
    (root / part(store).path).rename(root / path)
    found = [row for row in verify(store, now_at=NOW_AT).findings if row.kind == "misnamed"]
    assert [row.where for row in found] == [path]
    assert says in found[0].problem


def test_the_day_of_a_record_that_is_gone_is_not_known(store: LocalStore) -> None:
    made = write_part(store, "metrics", [record(905)], first=900)
    root = Path(store.root)
    (root / "metrics/date=2026-09-20").mkdir()
    (root / made.path).rename(root / "metrics/date=2026-09-20" / Path(made.path).name)
    assert kinds(store) == []


def test_a_file_of_another_topic(store: LocalStore) -> None:
    path = Path(store.root) / part(store).path
    rows = [holding(offset, None) for offset in range(300, 600)]
    pq.write_table(table_of((Query,), 0, rows), path)
    assert one(store).kind == "other topic"


Change = Callable[[pa.Table], pa.Table]


@pytest.mark.parametrize(
    ("change", "deep", "kind"),
    [
        (lambda rows: pa.concat_tables([rows.slice(100, 100), rows.slice(0, 100)]), False, "rows"),
        (lambda rows: rows.take([*range(50), 49, *range(50, 200)]), True, "rows"),
        (lambda rows: rows.take([1, 0, *range(2, 300)]), True, "rows"),
        (lambda rows: rows.set_column(0, "type", pa.array(["x"] * 300)), True, "torn"),
    ],
)
def test_rows_that_are_wrong(store: LocalStore, change: Change, deep: bool, kind: str) -> None:
    path = Path(store.root) / part(store).path
    table = pq.read_table(path, partitioning=None)
    assert table.schema.names[0] == "type"
    pq.write_table(change(table), path, row_group_size=100)
    found = [row.kind for row in verify(store, now_at=NOW_AT, deep=deep).findings]
    assert found == [kind]
    if deep:
        assert "rows" not in [row.kind for row in verify(store, now_at=NOW_AT).findings]


def test_what_killed_processes_leave_is_told_with_its_age(store: LocalStore) -> None:
    store.create(f"metrics/{TEMPORARY}/abc", b"x")
    store.create(claim_path("metrics", 0, 900), b'{"last":950,"date":"2026-09-21"}')
    for path in (f"metrics/{TEMPORARY}/abc", claim_path("metrics", 0, 900)):
        os.utime(Path(store.root) / path, (0, NOW_AT / 1000 - 7260))
    found = verify(store, now_at=NOW_AT)
    assert [row.kind for row in found.findings] == ["leftover", "claim"]
    assert all("2 h 1 min old" in row.problem for row in found.findings)
    assert found.ok
