"""The events as JSON Schemas (2020-12), derived from the structs and from their docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from schemas.wire import Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NUMBER_AS_TEXT = "^-?[0-9]+$"

Schema: TypeAlias = dict[str, Any]


def event_schema(event: type[Event]) -> Schema:
    """A schema of one event that needs no other file: its parts are in ``$defs``.

    It takes what ``wire.decode`` takes, but for rules between fields, which the descriptions tell.
    """
    parts = part_schemas([event], "#/$defs/{name}")
    own = parts.pop(event.__name__)
    head = {"$schema": DIALECT, "$id": f"urn:zeta-router:{event.__name__}"}
    return {**head, **own, **({"$defs": parts} if parts else {})}


def part_schemas(events: Sequence[type[Event]], reference: str) -> dict[str, Schema]:
    """The schemas of events and of all that they are made of, by name.

    ``reference`` is how one names another, with ``{name}`` in it.
    """
    _, found = msgspec.json.schema_components(events, ref_template=reference)
    structs = {struct.cls.__name__: struct for struct in _structs(_types(events))}
    return {name: _finished(found[name], structs[name]) for name in sorted(found)}


def _types(events: Iterable[type[Event]]) -> Iterator[msgspec.inspect.Type]:
    return (msgspec.inspect.type_info(event) for event in events)


def _structs(kinds: Iterable[msgspec.inspect.Type]) -> Iterator[msgspec.inspect.StructType]:
    for kind in kinds:
        match kind:
            case msgspec.inspect.StructType():
                yield kind
                yield from _structs(field.type for field in kind.fields)
            case msgspec.inspect.Metadata():
                yield from _structs([kind.type])
            case msgspec.inspect.UnionType():
                yield from _structs(kind.types)
            case msgspec.inspect.ListType():
                yield from _structs([kind.item_type])
            case msgspec.inspect.DictType():
                yield from _structs([kind.value_type])


def _finished(schema: Schema, struct: msgspec.inspect.StructType) -> Schema:
    """What msgspec leaves out: a clean text, every default, and names that are numbers."""
    properties = dict(schema["properties"])
    for field in struct.fields:
        properties[field.encode_name] = _property(properties[field.encode_name], field)
    text = inspect.cleandoc(schema.get("description", ""))
    return {**schema, "description": text, "properties": properties}


def _property(schema: Schema, field: msgspec.inspect.Field) -> Schema:
    kind = field.type
    if isinstance(kind, msgspec.inspect.DictType) and _is_int(kind.key_type):
        schema = {**schema, "propertyNames": {"pattern": _NUMBER_AS_TEXT}}
    if field.default_factory is not msgspec.NODEFAULT:
        schema = {**schema, "default": msgspec.to_builtins(field.default_factory())}
    return schema


def _is_int(kind: msgspec.inspect.Type) -> bool:
    bare = kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind
    return isinstance(bare, msgspec.inspect.IntType)
