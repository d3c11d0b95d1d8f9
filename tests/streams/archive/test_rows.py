"""Any record comes back as it was: its value's bytes, key, headers and time."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tick import Tick
from schemas.wire import encode
from streams.archive.rows import ArchivedRecord, Types, records_of, table_of, table_schema
from streams.topics import event_types
from tests.schemas.examples import EXAMPLES, IDS, Example
from tests.streams.archive.records import TYPES, holding, metric, record

ODD: list[bytes | None] = [
    None,
    b"",
    b"\xff not JSON",
    b"{}",
    encode(metric(1)),
    encode(metric(1))[:-1] + b',"of_tomorrow":1}',
    encode(metric(1)).replace(b":", b": "),
    encode(Tick(ticked_at=5)),
    encode(metric(2, "reasoning")),
]


def through_parquet(table: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    file.seek(0)
    return pq.read_table(file)


def check(types: Types, records: list[ArchivedRecord]) -> pa.Table:
    made = table_of(types, 3, records)
    made.validate(full=True)
    assert made.schema == table_schema(types)
    table = through_parquet(made)
    assert records_of(types, table) == records
    return table


def test_odd_values_among_events() -> None:
    table = check(TYPES, [holding(number, value) for number, value in enumerate(ODD)])
    rows = table.to_pylist()
    kept = [None, b"", ODD[2], b"{}", None, ODD[5], ODD[6], None, None]
    assert [row["raw"] for row in rows] == kept
    sizes = [None if value is None else len(value) for value in ODD]
    assert [row["value_bytes"] for row in rows] == sizes
    assert [row["type"] for row in rows] == [None] * 4 + ["metric"] * 3 + ["tick", "metric"]
    assert rows[5]["query_id"] == rows[4]["query_id"], "what we know of it is in its columns, too"
    assert rows[7]["ticked_at"] == 5
    assert {row["kafka_partition"] for row in rows} == {3}


@pytest.mark.parametrize("types", [TYPES, ()], ids=["metrics", "not ours"])
def test_no_records_and_no_events(types: Types) -> None:
    check(types, [])
    check(types, [holding(number, value) for number, value in enumerate(ODD[:4])])


def test_a_topic_that_is_not_ours_has_raw_values() -> None:
    table = check((), [record(0), holding(1, None)])
    assert table.column("raw").to_pylist() == [encode(metric(0)), None]


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_examples_need_no_raw(example: Example) -> None:
    value = encode(example.decoded())
    table = check(example.types, [holding(7, value)])
    assert table.column("raw").to_pylist() == [None]


def test_a_dead_letters_own_key_is_not_the_records() -> None:
    names = table_schema(event_types("dead-letters") or ()).names
    assert {"key", "event_key", "headers", "event_headers", "value"} <= set(names)


@given(
    st.lists(
        st.builds(
            ArchivedRecord,
            st.integers(0, 2**62),
            st.integers(-1, 2**52),
            st.none() | st.binary(max_size=5),
            st.none() | st.binary(max_size=5) | st.sampled_from(ODD),
            st.lists(
                st.tuples(
                    st.text(st.characters(codec="utf-8"), max_size=3),
                    st.none() | st.binary(max_size=3),
                ),
                max_size=3,
            ).map(tuple),
        ),
        max_size=6,
    )
)
def test_any_records(records: list[ArchivedRecord]) -> None:
    check(TYPES, records)
