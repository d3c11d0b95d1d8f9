"""Which changes of an event's schema break old records or old readers."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arrow import EVENTS
from schemas.contract import event_schema
from schemas.contract_changes import Change, changes
from schemas.contract_kinds import UnknownSchemaError
from schemas.wire import encode
from tests.schemas.event_strategies import events

TEXT = {"type": "string"}
NUMBER = {"type": "number", "minimum": 0}
PART = {"type": "object", "properties": {"a": TEXT}, "required": ["a"]}

OLD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {**TEXT, "minLength": 1, "maxLength": 9},
        "kind": {"enum": ["a", "b"], "default": "a"},
        "score": {"anyOf": [NUMBER, {"type": "null"}], "default": None},
        "count": {"type": "integer", "minimum": 0, "maximum": 10, "default": 0},
        "tags": {"type": "array", "items": TEXT, "default": []},
        "sums": {"type": "object", "additionalProperties": {"type": "integer"}, "default": {}},
        "free": {"default": None},
        "part": {"$ref": "#/$defs/Part"},
    },
    "required": ["name", "part"],
    "$defs": {"Part": PART},
}


def _with(**fields: Any) -> dict[str, Any]:
    return {**OLD, "properties": {**OLD["properties"], **fields}}


def _without(name: str) -> dict[str, Any]:
    return {**OLD, "properties": {k: v for k, v in OLD["properties"].items() if k != name}}


def _requiring(*names: str) -> dict[str, Any]:
    return {**OLD, "required": list(names)}


BREAKS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a required field is added": (
        {**_with(new=TEXT), "required": ["name", "part", "new"]},
        "new",
        "required now",
    ),
    "an optional one becomes required": (
        _requiring("name", "part", "kind"),
        "kind",
        "required now",
    ),
    "a required one is removed": (
        {**_without("name"), "required": ["part"]},
        "name",
        "removed, and old readers require it",
    ),
    "a required one becomes optional": (_requiring("part"), "name", "may be left out now"),
    "a type is narrowed": (_with(score=NUMBER), "score", "no longer takes null"),
    "a type is replaced": (_with(name={"type": "integer"}), "name", "no longer takes string"),
    "a number becomes whole": (
        _with(score={"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}),
        "score",
        "no longer takes number",
    ),
    "free JSON is bound": (_with(free={**TEXT, "default": None}), "free", "no longer takes any"),
    "a value is removed": (_with(kind={"enum": ["a"], "default": "a"}), "kind", "removed: 'b'"),
    "a text becomes an enumeration": (_with(name={"enum": ["x"]}), "name", "takes only 'x'"),
    "a longest length": (_with(name={**TEXT, "minLength": 1, "maxLength": 8}), "name", "maxLength"),
    "a least length": (_with(name={**TEXT, "minLength": 2, "maxLength": 9}), "name", "minLength"),
    "a smallest number": (
        _with(count={"type": "integer", "minimum": 1, "maximum": 10, "default": 0}),
        "count",
        "smallest",
    ),
    "a smallest number is excluded": (
        _with(count={"type": "integer", "exclusiveMinimum": 0, "maximum": 10, "default": 0}),
        "count",
        "smallest",
    ),
    "a largest number": (
        _with(count={"type": "integer", "minimum": 0, "maximum": 9, "default": 0}),
        "count",
        "largest",
    ),
    "a pattern": (
        _with(name={**TEXT, "minLength": 1, "maxLength": 9, "pattern": "^x"}),
        "name",
        "pattern",
    ),
    "items of a list": (
        _with(tags={"type": "array", "items": {"type": "integer"}, "default": []}),
        "tags[]",
        "no longer takes string",
    ),
    "a list must not be empty": (
        _with(tags={"type": "array", "items": TEXT, "minItems": 1, "default": []}),
        "tags",
        "minItems",
    ),
    "values of a mapping": (
        _with(sums={"type": "object", "additionalProperties": TEXT, "default": {}}),
        "sums.*",
        "no longer takes integer",
    ),
    "names of a mapping": (
        _with(
            sums={
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "propertyNames": {"pattern": "^[0-9]+$"},
                "default": {},
            }
        ),
        "sums",
        "names",
    ),
    "a part inside": (
        {**OLD, "$defs": {"Part": {**PART, "properties": {"a": {"type": "integer"}}}}},
        "part.a",
        "no longer takes string",
    ),
    "unknown fields are refused": ({**OLD, "additionalProperties": False}, "", "unknown fields"),
    "another default": (
        _with(count={"type": "integer", "minimum": 0, "maximum": 10, "default": 1}),
        "count",
        "default changed from 0 to 1",
    ),
}

TOLD: dict[str, tuple[dict[str, Any], str, str]] = {
    "an optional field is removed": (_without("kind"), "kind", "passed over"),
    "a value is added": (
        _with(kind={"enum": ["a", "b", "c"], "default": "a"}),
        "kind",
        "update readers before writers",
    ),
    "a type is widened": (
        _with(name={"anyOf": [{**TEXT, "minLength": 1, "maxLength": 9}, {"type": "null"}]}),
        "name",
        "it also takes null",
    ),
}

QUIET: dict[str, dict[str, Any]] = {
    "nothing": OLD,
    "an optional field is added": _with(new={**TEXT, "default": ""}),
    "another description": {**OLD, "description": "…"},
    "a limit is relaxed": _with(name={**TEXT, "minLength": 1, "maxLength": 10}),
    "a part is renamed": {
        **_with(part={"$ref": "#/$defs/Piece"}),
        "$defs": {"Piece": PART},
    },
}


def _found(new: dict[str, Any]) -> list[Change]:
    return changes({"E": OLD}, {"E": new})


@pytest.mark.parametrize(("new", "field", "words"), BREAKS.values(), ids=BREAKS)
def test_breaks(new: dict[str, Any], field: str, words: str) -> None:
    (change,) = [change for change in _found(new) if change.breaks]
    assert (change.event, change.field) == ("E", field)
    assert words in change.what
    assert str(change).startswith(f"E.{field}: " if field else "E: ")


@pytest.mark.parametrize(("new", "field", "words"), TOLD.values(), ids=TOLD)
def test_is_told_and_breaks_nothing(new: dict[str, Any], field: str, words: str) -> None:
    (change,) = _found(new)
    assert (change.field, change.breaks) == (field, False)
    assert words in change.what


@pytest.mark.parametrize("new", QUIET.values(), ids=QUIET)
def test_changes_nothing(new: dict[str, Any]) -> None:
    assert not _found(new)


def test_an_event_that_is_gone_breaks_and_a_new_one_does_not() -> None:
    (gone,) = changes({"E": OLD, "F": OLD}, {"E": OLD})
    assert (str(gone), gone.breaks) == ("F: the event is gone", True)
    assert not changes({"E": OLD}, {"E": OLD, "F": OLD})


def test_a_schema_that_no_event_has_is_refused() -> None:
    odd: dict[str, Any]
    for odd in ({"not": {}}, {"$ref": "other.json"}, {"anyOf": [TEXT, TEXT]}):
        with pytest.raises(UnknownSchemaError):
            _found(_with(name=odd))


def test_structs_that_differ_are_told_apart() -> None:
    """The whole way, from the code: the same event before and after a change."""

    class Before(msgspec.Struct):
        """An event."""

        kind: Literal["a", "b"]
        note: str | None = None

    class After(msgspec.Struct):
        """An event."""

        kind: Literal["a"]
        note: str = ""

    schemas = [{"E": event_schema(kind)} for kind in (Before, After)]  # type: ignore[arg-type]
    found = {change.field: change.what for change in changes(*schemas) if change.breaks}
    assert set(found) == {"kind", "note"}
    assert "'b'" in found["kind"]


@pytest.mark.parametrize("event", EVENTS, ids=[event.__name__ for event in EVENTS])
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_what_does_not_break_takes_every_old_record(event: Any, data: st.DataObject) -> None:
    """Any relaxed schema still takes what the event encodes to, and the check says so."""
    then = event_schema(event)
    name = data.draw(st.sampled_from(sorted(then["properties"])))
    rest = [one for one in then.get("required", []) if one != name]
    relaxed = {**then, "properties": {**then["properties"], name: {}}, "required": rest}
    narrowed = {**then, "properties": {**then["properties"], name: {"enum": ["\0"]}}}
    event_name = event.__name__
    assert any(one.breaks for one in changes({event_name: then}, {event_name: narrowed}))
    found = changes({event_name: then}, {event_name: relaxed})
    assert all(
        one.field == name and "old readers require" in one.what for one in found if one.breaks
    )
    value = json.loads(encode(data.draw(events(event))))
    assert not set(rest) - value.keys()
