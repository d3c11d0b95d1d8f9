"""Every event survives Arrow and Parquet with the very bytes that it had on the wire."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.arrow import EVENTS, arrow_row, arrow_schema, event_of
from schemas.arrow_columns import arrow_table
from schemas.metric import Metric
from schemas.query import Query
from schemas.tick import Tick
from schemas.wire import Event, encode
from tests.schemas.event_strategies import events
from tests.schemas.examples import EXAMPLES, IDS, Example

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def through_parquet(table: pa.Table) -> list[dict[str, Any]]:
    file = io.BytesIO()
    pq.write_table(table, file)
    file.seek(0)
    rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return rows


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_rows_give_events_back(kind: type[Event]) -> None:
    @SLOW
    @given(st.lists(events(kind), max_size=4))
    def check(given: list[Event]) -> None:
        rows = [arrow_row(event) for event in given]
        table = pa.Table.from_pylist(rows, schema=arrow_schema(kind))
        for event, row in zip(given, through_parquet(table), strict=True):
            assert encode(event_of(row, (kind,))) == encode(event)

    check()


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_columns_are_those_of_the_rows(kind: type[Event]) -> None:
    @SLOW
    @given(st.lists(events(kind), max_size=4))
    def check(given: list[Event]) -> None:
        rows = [arrow_row(event) for event in given]
        table = arrow_table(kind, given)
        table.validate(full=True)
        assert table.schema == arrow_schema(kind)
        expected = pa.Table.from_pylist(rows, schema=arrow_schema(kind))
        assert table.to_pylist() == expected.to_pylist()

    check()


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_examples_come_back(example: Example) -> None:
    event = example.decoded()
    (row,) = through_parquet(arrow_table(type(event), [event]))
    assert encode(event_of(row, example.types)) == encode(event)


def test_tags_tell_events_apart() -> None:
    tick = Tick(ticked_at=5)
    row = {**dict.fromkeys(arrow_schema(Metric).names), **arrow_row(tick)}
    assert event_of(row, (Metric, Tick)) == tick
    with pytest.raises(ValueError, match="no row of Metric, Tick"):
        event_of({"type": "other"}, (Metric, Tick))


def test_a_column_that_an_old_file_lacks_is_a_default() -> None:
    query = Query(query_id="q", prompt="x", stream=True)
    row = arrow_row(query)
    del row["stream"]
    assert event_of({**row, "column_of_another": 1}, (Query,)) == Query(query_id="q", prompt="x")
    del row["prompt"]
    with pytest.raises(ValueError, match="exactly one of"):
        event_of(row, (Query,))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_defaults_are_objects_of_which_there_is_one(kind: type[Event]) -> None:
    """``event_of`` leaves out what equals a default, so the wire must have left it out, too."""
    info: Any = msgspec.inspect.type_info(kind)
    for field in info.fields:
        default = field.default
        is_number = type(default) is int and -5 <= default <= 256
        is_single = default in (None, msgspec.NODEFAULT, "") or type(default) is bool
        literal = isinstance(field.type, msgspec.inspect.LiteralType)
        assert is_number or is_single or literal, field.name
