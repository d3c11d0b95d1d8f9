"""Arrow: each event's schema holds its golden examples, and Parquet gives them back equal."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.arrow import EVENTS, arrow_row, arrow_schema
from schemas.dead_letter import DeadLetter, Header
from schemas.query import Parameters, Query, Reference
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import INT_MAX, MILLION, Event
from tests.schemas.examples import EXAMPLES


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_parquet_gives_the_examples_back(kind: type[Event], tmp_path: Path) -> None:
    events = [event for row in EXAMPLES if type(event := row.decoded()) is kind]
    rows = [arrow_row(event) for event in events]
    assert rows
    table = pa.Table.from_pylist(rows, schema=arrow_schema(kind))
    pq.write_table(table, tmp_path / "events.parquet")
    read = pq.read_table(tmp_path / "events.parquet")
    assert read.schema.equals(arrow_schema(kind))
    assert read.to_pylist() == rows


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_a_row_has_the_schemas_columns(kind: type[Event]) -> None:
    event = next(event for row in EXAMPLES if type(event := row.decoded()) is kind)
    assert list(arrow_row(event)) == arrow_schema(kind).names


def test_free_json_is_a_string_of_json() -> None:
    tool = {"b": [1.5, None], "a": "ü"}
    parameters = Parameters(tools=[tool], tool_choice="auto", response_format={"type": "text"})
    query = Query(input="one", parameters=parameters, reference=Reference(kind="x", value="1"))
    row = arrow_row(query)
    assert row["input"] == '"one"'
    assert row["reference"]["value"] == '"1"'
    assert row["parameters"]["tool_choice"] == '"auto"'
    assert [json.loads(text) for text in row["parameters"]["tools"]] == [tool]
    assert row["parameters"]["tools"] == ['{"a":"ü","b":[1.5,null]}']
    assert arrow_row(Query(input=["one", "two"]))["input"] == '["one","two"]'
    assert arrow_row(Query(prompt="x"))["input"] is None


def test_mappings_are_pairs_and_bytes_are_bytes() -> None:
    rule = RoutingRule(
        task="t",
        version=1,
        weights={"a": MILLION, "b": 0},
        policy="seed",
        configuration_digest="d",
        reason="r",
    )
    assert arrow_row(rule)["weights"] == [("a", MILLION), ("b", 0)]
    part = WindowScore(
        task="t",
        partition=0,
        partitions=1,
        window_start_at=0,
        window_end_at=1,
        models={"a": ModelSummary(latency={-3: 2})},
    )
    assert arrow_row(part)["models"][0][1]["latency"] == [(-3, 2)]
    letter = DeadLetter(
        topic="t",
        partition=0,
        offset=0,
        timestamp_at=0,
        value=b"\xff",
        headers=[Header(name="h", value=b"\x00")],
        stage="s",
        error="e",
        failed_at=0,
    )
    assert arrow_row(letter)["value"] == b"\xff"
    assert arrow_row(letter)["headers"] == [{"name": "h", "value": b"\x00"}]


def test_a_tag_is_a_column() -> None:
    assert arrow_row(Tick(ticked_at=5)) == {"type": "tick", "ticked_at": 5}


def test_the_largest_integer_that_decodes_has_room() -> None:
    schema = arrow_schema(Tick)
    table = pa.Table.from_pylist([arrow_row(Tick(ticked_at=INT_MAX))], schema=schema)
    assert table.to_pylist()[0]["ticked_at"] == INT_MAX
