"""Other engines read the files as they are."""

from __future__ import annotations

from pathlib import Path

import pyarrow.dataset as ds
import pytest

from streams.archive.chain import Chain
from streams.archive.local import LocalStore
from streams.archive.publishing import PartitionArchive
from streams.settings import Archive
from tests.streams.archive.records import BEGAN_AT, TYPES, holding, record

COUNT = 25_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive of metrics, with a tombstone and what doesn't decode."""
    store = LocalStore(tmp_path)
    chain = Chain(store, "metrics", 0)
    chain.open([], 0, COUNT + 2)
    archive = PartitionArchive(store, chain, TYPES, Archive(), lambda: 0.0)
    archive.take([record(offset) for offset in range(COUNT)])
    archive.take([holding(COUNT, None), holding(COUNT + 1, b"\xff")])
    archive.publish()
    return tmp_path


def test_duckdb_reads_it(root: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        found = connection.execute(
            f"""
            SELECT count(*), count(type), sum(response_time_s) > 0, min(date)::text,
                count(*) FILTER (raw IS NOT NULL), count(*) FILTER (value_bytes IS NULL)
            FROM read_parquet('{root}/metrics/*/*.parquet', hive_partitioning = true)
            """
        ).fetchone()
        assert found == (COUNT + 2, COUNT, True, "2026-09-21", 1, 1)
        headers = f"SELECT headers FROM '{root}/metrics/*/*.parquet' WHERE kafka_offset = 7"
        (names,) = connection.execute(headers).fetchone()
        assert names == [{"name": "h", "value": b"\x00"}, {"name": "h", "value": None}]


def test_polars_reads_it(root: Path) -> None:
    polars = pytest.importorskip("polars")
    found = polars.read_parquet(f"{root}/metrics/**/*.parquet", hive_partitioning=True)
    assert len(found) == COUNT + 2
    assert found["type"].count() == COUNT
    assert found["raw"].to_list()[-1] == b"\xff"
    assert str(found["date"].min()) == "2026-09-21"
    row = found.row(7, named=True)
    assert row["headers"] == [{"name": "h", "value": b"\x00"}, {"name": "h", "value": None}]
    assert str(row["kafka_timestamp"].tzinfo) == "UTC"


def test_a_query_on_time_passes_over_most_row_groups(root: Path) -> None:
    data = ds.dataset(root / "metrics", partitioning="hive", format="parquet")
    (fragment,) = data.get_fragments()
    late = ds.field("kafka_timestamp").cast("int64") > BEGAN_AT + COUNT - 10
    assert len(fragment.row_groups) == 3
    assert data.to_table(filter=late).num_rows == 11
    by_offset = fragment.split_by_row_group(ds.field("kafka_offset") > COUNT - 10)
    assert len(by_offset) == 1
