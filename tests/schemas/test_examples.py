"""The golden examples hold the wire still: a change that an old reader would see fails here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from schemas.arrow import EVENTS
from schemas.tick import Tick
from schemas.wire import Event, WireError, decode, encode
from streams.topics import topic_table
from tests.schemas.examples import EXAMPLES, IDS, Example

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=IDS)


@each_example
def test_decodes_to_the_event_of_its_topic(example: Example) -> None:
    event = example.decoded()
    assert type(event) in example.types
    assert isinstance(event, Tick) == (example.name == "tick")


@each_example
def test_encodes_to_the_same_bytes(example: Example) -> None:
    assert encode(example.decoded()) == example.value


@each_example
def test_encodes_to_an_equal_event(example: Example) -> None:
    event = example.decoded()
    assert example.decoded(encode(event)) == event


@each_example
def test_defaults_that_are_written_out_change_nothing(example: Example) -> None:
    event = example.decoded()
    verbose = example.decoded(msgspec.json.encode(_with_defaults(event)))
    assert verbose == event
    assert encode(verbose) == example.value


def _with_defaults(value: Any) -> Any:
    """The event as plain values, with each field that the wire leaves out."""
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        tag = {"type": value.__struct_config__.tag} if value.__struct_config__.tag else {}
        return tag | {name: _with_defaults(inner) for name, inner in fields.items()}
    if isinstance(value, dict):
        return {name: _with_defaults(inner) for name, inner in value.items()}
    return [_with_defaults(inner) for inner in value] if isinstance(value, list) else value


@each_example
def test_a_field_from_the_future_is_ignored(example: Example) -> None:
    record = json.loads(example.value)
    newer = json.dumps(_with_future_fields(record)).encode()
    assert example.decoded(newer) == example.decoded()


def _with_future_fields(record: dict[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {"from_the_future": {"a": [1]}}
    # One level down too, where the value is a struct of ours and no free mapping.
    nested = ("query", "decision", "parameters", "usage", "timings", "state", "inputs")
    inner = {key: {**record[key], **extra} for key in nested if isinstance(record.get(key), dict)}
    return {**record, **inner, **extra}


@each_example
def test_a_wrong_type_is_refused_by_name(example: Example) -> None:
    record = json.loads(example.value)
    for name, value in record.items():
        wrong = {**record, name: 1 if isinstance(value, dict) else {}}
        with pytest.raises(WireError, match=rf"(`\$\.{name}|Expected `str`.*`\$\.{name}`)"):
            example.decoded(json.dumps(wrong).encode())


@each_example
def test_a_required_field_that_is_missing_is_named(example: Example) -> None:
    record = json.loads(example.value)
    kind = type(example.decoded())
    for field in msgspec.structs.fields(kind):
        if field.required:
            rest = {name: value for name, value in record.items() if name != field.name}
            with pytest.raises(WireError, match=f"`{field.name}`"):
                decode(kind, json.dumps(rest).encode())


def test_every_topic_has_examples_of_every_event() -> None:
    wanted = {(row.name, event) for row in topic_table([]) for event in row.events}
    wanted |= {("models", event) for row in topic_table(["x"])[-1:] for event in row.events}
    assert {(example.topic, type(example.decoded())) for example in EXAMPLES} == wanted


@pytest.mark.parametrize("topic", sorted({example.topic for example in EXAMPLES}))
def test_full_examples_set_every_field(topic: str) -> None:
    """Fields that hold their default are left out, so what is there is set."""
    full = [row for row in EXAMPLES if row.topic == topic and "minimal" not in row.name]
    given = {name for example in full for name in json.loads(example.value)} - {"type"}
    assert given == {name for row in full for name in type(row.decoded()).__struct_fields__}


def test_together_they_set_every_field_of_every_part() -> None:
    given = {pair for example in EXAMPLES for pair in _given(example.decoded())}
    wanted = {
        (kind.__name__, name)
        for event in EVENTS
        for kind in _parts(event)
        for name in kind.__struct_fields__
    }
    assert given == wanted


def _given(value: Any) -> Iterator[tuple[str, str]]:
    """Each (struct, field) in the event that doesn't hold its default."""
    if isinstance(value, msgspec.Struct):
        plain = json.loads(msgspec.json.encode(value))
        for name in set(plain) & set(value.__struct_fields__):
            yield type(value).__name__, name
            yield from _given(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _given(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _given(inner)


def _parts(event: type[Event]) -> set[type[Event]]:
    """The event's struct and all those inside it."""
    _, components = msgspec.json.schema_components([event])
    return {event} | {kind for kind in _all_events() if kind.__name__ in components}


def _all_events(base: type[Event] = Event) -> Iterator[type[Event]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _all_events(kind)
