"""A file of an older version, whose events had fewer fields, beside one of today."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from schemas.assignment import Assignment, Decision
from schemas.query import Query
from schemas.wire import EpochMs, Event, Fraction, Name, NonNegativeInt, PositiveInt, encode
from streams.archive.compacting import Limits, compact
from streams.archive.local import LocalStore
from streams.archive.naming import parts_in
from streams.archive.reading import ArchiveLog
from streams.archive.rows import ArchivedRecord
from streams.archive.verifying import verify
from tests.streams.archive.records import BEGAN_AT, write_part

TOPIC = "models.a"


class OldQuery(Event, frozen=True, kw_only=True):
    """Before there were sessions, limits and spaces."""

    query_id: str = ""
    task: Name | None = None
    prompt: str | None = None


class OldDecision(Event, frozen=True, kw_only=True):
    model: Name
    task: Name
    kind: str
    eligible: list[str]
    propensities: dict[str, Fraction]
    rule_version: NonNegativeInt
    reason: str
    decided_at: EpochMs


class OldAssignment(Event, frozen=True, kw_only=True):
    """Before attempts failed."""

    query: OldQuery
    task: Name
    attempt: PositiveInt
    asked_at: EpochMs
    deadline_at: EpochMs
    decision: OldDecision | None = None


def decision() -> OldDecision:
    return OldDecision(
        model="a",
        task="code",
        kind="policy",
        eligible=["a"],
        propensities={"a": 1.0},
        rule_version=1,
        reason="r",
        decided_at=3,
    )


def old(offset: int) -> ArchivedRecord:
    event = OldAssignment(
        query=OldQuery(query_id=f"q{offset}", prompt=f"prompt {offset}"),
        task="code",
        attempt=1,
        asked_at=1,
        deadline_at=2,
        decision=decision() if offset % 2 else None,
    )
    return ArchivedRecord(offset, BEGAN_AT + offset, b"k", encode(event))


def new(offset: int) -> ArchivedRecord:
    event = Assignment(
        query=Query(query_id=f"q{offset}", prompt="p", session="s", time_limit_s=3.0),
        task="code",
        attempt=2,
        asked_at=1,
        deadline_at=2,
        decision=msgspec.convert(msgspec.structs.asdict(decision()), Decision),
        tried=["b"],
    )
    return ArchivedRecord(offset, BEGAN_AT + offset, b"k", encode(event))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    store = LocalStore(tmp_path)
    older = write_part(store, TOPIC, [old(number) for number in range(10)], types=(OldAssignment,))
    write_part(store, TOPIC, [new(number) for number in range(10, 20)], types=(Assignment,))
    assert "tried" not in pq.read_schema(tmp_path / older.path).names
    return tmp_path


def events(root: Path) -> list[Assignment]:
    async def read() -> list[Assignment]:
        log = ArchiveLog(LocalStore(root), [TOPIC])
        return [
            msgspec.json.decode(row.value or b"", type=Assignment)
            async for batch in log.read(TOPIC, 0)
            for row in batch
        ]

    return asyncio.run(read())


def expected() -> list[Assignment]:
    values = [*(old(number).value for number in range(10)), *(new(n).value for n in range(10, 20))]
    return [msgspec.json.decode(value or b"", type=Assignment) for value in values]


def test_ours_reads_both_with_defaults_for_what_was_not_there(root: Path) -> None:
    assert events(root) == expected()
    found = verify(LocalStore(root), now_at=0, deep=True)
    assert found.findings == []


def test_they_become_one(root: Path) -> None:
    (done,) = compact(LocalStore(root), TOPIC, Limits())
    assert done.files == 2
    assert len(parts_in(LocalStore(root).paths())) == 1
    assert events(root) == expected()
    assert verify(LocalStore(root), now_at=0, deep=True).findings == []


def test_duckdb_reads_both(root: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        files = f"read_parquet('{root}/{TOPIC}/*/*.parquet', union_by_name = true)"
        query = f"SELECT query.query_id, query.session, tried FROM {files} ORDER BY kafka_offset"
        found = connection.execute(query).fetchall()
    assert found[0] == ("q0", None, None)
    assert found[-1] == ("q19", "s", ["b"])
    assert len(found) == 20


def test_polars_reads_both(root: Path) -> None:
    polars = pytest.importorskip("polars")
    files = polars.scan_parquet(
        f"{root}/{TOPIC}/**/*.parquet",
        missing_columns="insert",
        extra_columns="ignore",
        schema=polars.read_parquet(root / parts_in(LocalStore(root).paths())[1].path).schema,
        cast_options=polars.ScanCastOptions(missing_struct_fields="insert"),
    )
    found = files.sort("kafka_offset").select("kafka_offset", "tried", "query").collect()
    assert found["kafka_offset"].to_list() == list(range(20))
    assert found["tried"].to_list() == [None] * 10 + [["b"]] * 10
    assert [row["session"] for row in found["query"].to_list()] == [None] * 10 + ["s"] * 10
