"""One Arrow schema per event, derived from the struct itself so that they can't drift apart.

A mapping becomes a map, a nested struct a struct, free JSON (``Any``, free mappings) a string of
JSON; instants stay integers of milliseconds, as on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import pyarrow as pa

from schemas.assignment import Assignment
from schemas.cancellation import Cancellation
from schemas.chunk import Chunk
from schemas.control import Control
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.model_status import ModelStatus
from schemas.query import Query
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import Event

EVENTS: tuple[type[Event], ...] = (
    Query,
    Assignment,
    Response,
    Chunk,
    Cancellation,
    Feedback,
    Metric,
    Tick,
    WindowScore,
    Control,
    RoutingRule,
    ModelStatus,
    DeadLetter,
)

_SCALARS: dict[type[msgspec.inspect.Type], pa.DataType] = {
    msgspec.inspect.StrType: pa.string(),
    msgspec.inspect.IntType: pa.int64(),
    msgspec.inspect.FloatType: pa.float64(),
    msgspec.inspect.BoolType: pa.bool_(),
    msgspec.inspect.BytesType: pa.binary(),
    msgspec.inspect.LiteralType: pa.string(),
    msgspec.inspect.AnyType: pa.string(),
}


def _union(kind: msgspec.inspect.UnionType) -> pa.DataType:
    types = {_type(part) for part in kind.types if not isinstance(part, msgspec.inspect.NoneType)}
    if types == {pa.int64(), pa.float64()}:
        return pa.float64()
    return types.pop() if len(types) == 1 else pa.string()


def _dict(kind: msgspec.inspect.DictType) -> pa.DataType:
    if isinstance(kind.value_type, msgspec.inspect.AnyType):
        return pa.string()
    return pa.map_(_type(kind.key_type), _type(kind.value_type))


def _type(kind: msgspec.inspect.Type) -> pa.DataType:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _type(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return _union(kind)
    if isinstance(kind, msgspec.inspect.DictType):
        return _dict(kind)
    if isinstance(kind, msgspec.inspect.ListType):
        return pa.list_(_type(kind.item_type))
    if isinstance(kind, msgspec.inspect.StructType):
        return pa.struct(_fields(kind))
    return _SCALARS[type(kind)]


def arrow_type(kind: msgspec.inspect.Type) -> pa.DataType:
    """The column of a field's type."""
    return _type(kind)


_Convert = Callable[[Any], Any]
_json = msgspec.json.Encoder(order="deterministic")


def _as_json(value: Any) -> str | None:
    return None if value is None else _json.encode(value).decode()


def _as_it_is(value: Any) -> Any:
    return value


def _converter(kind: msgspec.inspect.Type) -> _Convert:
    """How a value of this type becomes one that its column (``_type``) takes."""
    if isinstance(kind, msgspec.inspect.Metadata):
        return _converter(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return _union_converter(kind)
    if isinstance(kind, msgspec.inspect.DictType):
        return _dict_converter(kind)
    if isinstance(kind, msgspec.inspect.ListType):
        item = _converter(kind.item_type)
        return lambda rows: None if rows is None else [item(row) for row in rows]
    if isinstance(kind, msgspec.inspect.StructType):
        return _struct_converter(kind)
    return _as_json if isinstance(kind, msgspec.inspect.AnyType) else _as_it_is


def as_row_value(kind: msgspec.inspect.Type) -> _Convert | None:
    """How a value of this type is written in a row; None: as it is."""
    convert = _converter(kind)
    return None if convert is _as_it_is else convert


def _union_converter(kind: msgspec.inspect.UnionType) -> _Convert:
    parts = [part for part in kind.types if not isinstance(part, msgspec.inspect.NoneType)]
    if len(parts) == 1:
        return _converter(parts[0])
    return _as_json if _union(kind) == pa.string() else _as_it_is


def _dict_converter(kind: msgspec.inspect.DictType) -> _Convert:
    if isinstance(kind.value_type, msgspec.inspect.AnyType):
        return _as_json
    item = _converter(kind.value_type)
    return lambda rows: (
        None if rows is None else [(key, item(value)) for key, value in rows.items()]
    )


def _struct_converter(kind: msgspec.inspect.StructType) -> _Convert:
    columns = [(field.name, field.encode_name, _converter(field.type)) for field in kind.fields]
    tag = {kind.tag_field: kind.tag} if kind.tag_field is not None else {}

    def convert(event: Any) -> dict[str, Any] | None:
        if event is None:
            return None
        row = {column: convert_one(getattr(event, name)) for name, column, convert_one in columns}
        return {**tag, **row}

    return convert


@cache
def _row_converter(event: type[Event]) -> _Convert:
    return _converter(msgspec.inspect.type_info(event))


def arrow_row(event: Event) -> dict[str, Any]:
    """The event as a row for ``arrow_schema``: all its columns, by name.

    Free JSON is a string of JSON (a text in it has its quotes), a mapping a list of pairs,
    bytes are bytes.
    """
    row: dict[str, Any] = _row_converter(type(event))(event)
    return row


def _fields(kind: msgspec.inspect.StructType) -> list[pa.Field]:
    fields = [pa.field(field.encode_name, _type(field.type)) for field in kind.fields]
    if kind.tag_field is not None:
        fields.insert(0, pa.field(kind.tag_field, pa.string()))
    return fields


@cache
def arrow_schema(event: type[Event]) -> pa.Schema:
    """The event's columns, in the order of its fields; every column may be null."""
    kind: Any = msgspec.inspect.type_info(event)
    return pa.schema(_fields(kind))


def _reader(kind: msgspec.inspect.Type) -> _Convert:
    """The inverse of ``_converter``: never called with None."""
    if isinstance(kind, msgspec.inspect.Metadata):
        return _reader(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return _union_reader(kind)
    if isinstance(kind, msgspec.inspect.DictType):
        return _dict_reader(kind)
    if isinstance(kind, msgspec.inspect.ListType):
        item = _reader(kind.item_type)
        return _as_it_is if item is _as_it_is else lambda rows: [item(row) for row in rows]
    if isinstance(kind, msgspec.inspect.StructType):
        return _struct_reader(kind)
    return msgspec.json.decode if isinstance(kind, msgspec.inspect.AnyType) else _as_it_is


def _union_reader(kind: msgspec.inspect.UnionType) -> _Convert:
    parts = [part for part in kind.types if not isinstance(part, msgspec.inspect.NoneType)]
    if len(parts) == 1:
        return _reader(parts[0])
    return msgspec.json.decode if _union(kind) == pa.string() else _as_it_is


def _dict_reader(kind: msgspec.inspect.DictType) -> _Convert:
    if isinstance(kind.value_type, msgspec.inspect.AnyType):
        return msgspec.json.decode
    item = _reader(kind.value_type)
    return lambda pairs: {key: item(value) for key, value in pairs}


def _struct_reader(kind: msgspec.inspect.StructType) -> _Convert:
    # What equals the default is left to the struct: it writes any other object, even an equal one.
    fields = [
        (field.name, field.encode_name, _reader(field.type), field.default) for field in kind.fields
    ]

    def read(row: Mapping[str, Any]) -> Any:
        given = {}
        for name, column, read_one, default in fields:
            value = row.get(column)
            if value is not None and value != default:
                given[name] = read_one(value)
        return kind.cls(**given)

    return read


@cache
def _row_reader(event: type[Event]) -> tuple[Any, _Convert]:
    kind: Any = msgspec.inspect.type_info(event)
    return (kind.tag_field and (kind.tag_field, kind.tag), _struct_reader(kind))


def event_of(row: Mapping[str, Any], types: Sequence[type[Event]]) -> Event:
    """The event in a row of ``arrow_row`` or of a table: the very one, with the same bytes.

    Columns that an event doesn't have are passed over, and a column that isn't there holds the
    field's default, so rows of older and newer schemas can be read. Several ``types`` are told
    apart by their tags.

    Raises:
        ValueError: it is none of them.
        TypeError: a field that has no default isn't there.
    """
    for event in types:
        tag, read = _row_reader(event)
        if not tag or row.get(tag[0]) == tag[1]:
            found: Event = read(row)
            return found
    raise ValueError(f"no row of {', '.join(event.__name__ for event in types)}")
