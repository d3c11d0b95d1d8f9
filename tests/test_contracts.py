"""The JSON Schemas and the AsyncAPI document say what the code does, and are valid themselves."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from agents.cli import app
from agents.contracts.asyncapi import document
from agents.contracts.files import contracts, outdated, write_contracts
from schemas.arrow import EVENTS
from schemas.contract import event_schema
from schemas.wire import Event, WireError, encode
from streams.topics import topic_table
from tests.schemas.event_strategies import events
from tests.schemas.examples import EXAMPLES, IDS, Example

ROOT = Path(__file__).parents[1]
VALIDATORS = {event: Draft202012Validator(event_schema(event)) for event in EVENTS}
NAMES = [event.__name__ for event in EVENTS]

each_event = pytest.mark.parametrize("event", EVENTS, ids=NAMES)
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=IDS)


@each_event
def test_a_schema_is_valid_and_tells_what_the_event_is(event: type[Event]) -> None:
    schema = event_schema(event)
    Draft202012Validator.check_schema(schema)
    parts = [schema, *schema.get("$defs", {}).values()]
    assert all(part["description"] and "\n  " not in part["description"] for part in parts)
    assert all(
        "default" in field or name in part.get("required", ())
        for part in parts
        for name, field in part["properties"].items()
        if name != "type"
    )


@each_example
def test_every_golden_example_is_valid(example: Example) -> None:
    VALIDATORS[type(example.decoded())].validate(json.loads(example.value))


@each_event
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_encoded_is_valid(event: type[Event], data: st.DataObject) -> None:
    made = data.draw(events(event))
    VALIDATORS[event].validate(json.loads(encode(made)))


@each_example
def test_a_schema_and_the_decoder_refuse_alike(example: Example) -> None:
    """Rules between fields are the decoder's alone; the schema's text tells them."""
    kind = type(example.decoded())
    for value in _mutants(json.loads(example.value)):
        valid = VALIDATORS[kind].is_valid(value)
        assert valid == _decodes(example, value), value


def _decodes(example: Example, value: Any) -> bool:
    try:
        example.decoded(json.dumps(value).encode())
    except WireError as error:
        return not re.match(r"Expected|Object missing|Invalid (value|enum|base64)", str(error))
    return True


def _mutants(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    wrongs: tuple[Any, ...] = (None, True, -1, 2**63, 1.5, "", "x" * 1004, [], {}, [{}], {"a": {}})
    for name in record:
        yield {key: value for key, value in record.items() if key != name}
        for wrong in wrongs:
            yield {**record, name: wrong}


def test_the_committed_files_are_the_codes() -> None:
    old = outdated(ROOT / "docs" / "schemas")
    assert not old, f"{', '.join(old)}: run zeta schemas --output docs/schemas (or scripts/docs)"


def test_asyncapi_by_its_models() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own models' making
        models = import_module("asyncapi3.models.asyncapi")
        models.AsyncAPI3.model_validate(document())
        wrong = document()
        wrong["operations"]["router_receive_queries"]["action"] = "take"
        with pytest.raises(ValueError, match="send"):
            models.AsyncAPI3.model_validate(wrong)


def test_asyncapi_refers_only_to_what_it_has() -> None:
    whole = document()
    found = list(_references(whole))
    assert found
    for reference in found:
        part: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            assert step in part, reference
            part = part[step]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def test_asyncapi_has_every_topic_with_its_events_and_settings() -> None:
    channels = document()["channels"]
    rows = {row.name: row for row in topic_table(["{model}"])}
    assert {one["address"] for one in channels.values()} == set(rows)
    for one in channels.values():
        row = rows[one["address"]]
        assert list(one["messages"]) == [event.__name__ for event in row.events]
        binding = one["bindings"]["kafka"]["topicConfiguration"]
        assert binding["cleanup.policy"] == ["compact" if row.compacted else "delete"]
        assert binding.get("retention.ms") == row.retention_ms
        wanted = set(re.findall(r"\{(\w+)\}", one["address"]))
        assert set(one.get("parameters", {})) == wanted


def test_asyncapi_has_what_each_role_receives_and_sends() -> None:
    operations = document()["operations"]
    assert operations["router_receive_queries"]["bindings"]["kafka"]["groupId"]["enum"] == [
        "router"
    ]
    assert "bindings" not in operations["router_receive_rules"], "each router reads the whole table"
    assert operations["worker-model_receive_models"]["channel"] == {"$ref": "#/channels/models"}
    assert operations["gateway_receive_chunks"]["action"] == "receive"
    assert "client_receive_queries" not in operations
    sent = {name.rpartition("_")[2] for name in operations if "_send_" in name}
    received = {name.rpartition("_")[2] for name in operations if "_receive_" in name}
    assert sent == received == set(document()["channels"])


def test_asyncapi_and_the_schemas_are_of_one_mind() -> None:
    components = document()["components"]["schemas"]
    for name, schema in contracts().items():
        if name != "asyncapi.json":
            event = components[schema["title"]]
            assert event["properties"].keys() == schema["properties"].keys()
            assert event.get("required") == schema.get("required")


def test_the_command_writes_prints_and_checks(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["schemas", "-o", str(tmp_path / "made")]).exit_code == 0
    made = {path.name for path in (tmp_path / "made").iterdir()}
    assert made == set(contracts())
    assert runner.invoke(app, ["schemas", "--check", str(tmp_path / "made")]).exit_code == 0
    (tmp_path / "made" / "Query.json").write_text("{}")
    stale = runner.invoke(app, ["schemas", "--check", str(tmp_path / "made")])
    assert stale.exit_code == 1
    assert "Query.json" in stale.stderr
    printed = runner.invoke(app, ["schemas", "Query"])
    assert json.loads(printed.stdout)["title"] == "Query"
    assert json.loads(runner.invoke(app, ["schemas", "--json"]).stdout).keys() == made
    unknown = runner.invoke(app, ["schemas", "Poem"])
    assert unknown.exit_code == 2
    assert "asyncapi" in unknown.stderr
    listed = runner.invoke(app, ["schemas"])
    assert "models.<model>" in listed.stdout


def test_the_command_compares_with_older_schemas(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["schemas", "--against", str(tmp_path)]).exit_code == 2
    write_contracts(tmp_path)
    assert runner.invoke(app, ["schemas", "--against", str(tmp_path)]).exit_code == 0
    older = json.loads((tmp_path / "Query.json").read_text())
    older["properties"]["voice"] = {"type": "string"}
    older["required"] = ["voice"]
    (tmp_path / "Query.json").write_text(json.dumps(older))
    broken = runner.invoke(app, ["schemas", "--against", str(tmp_path)])
    assert broken.exit_code == 1
    assert "Query.voice: removed, and old readers require it" in broken.stdout
    line = runner.invoke(app, ["schemas", "--against", str(tmp_path), "--json"]).stdout
    assert json.loads(line)["breaks"] is True
    (tmp_path / "Query.json").write_text("nonsense")
    assert runner.invoke(app, ["schemas", "--against", str(tmp_path)]).exit_code == 2
