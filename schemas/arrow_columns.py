"""Many events as Arrow columns at once: the same table as of ``arrow_row``, several times faster.

A column is made from one field of all events, so that the work per value is Arrow's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from schemas.arrow import arrow_schema, arrow_type, as_row_value
from schemas.wire import Event

_Build = Callable[[Sequence[Any]], pa.Array]


def _builder(kind: msgspec.inspect.Type) -> _Build:
    """What makes one column out of values of this type, any of which may be None."""
    if isinstance(kind, msgspec.inspect.Metadata):
        return _builder(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        parts = [part for part in kind.types if not isinstance(part, msgspec.inspect.NoneType)]
        if len(parts) == 1:
            return _builder(parts[0])
    if isinstance(kind, msgspec.inspect.StructType):
        return _struct_builder(kind)
    if isinstance(kind, msgspec.inspect.ListType):
        return _list_builder(kind)
    if isinstance(kind, msgspec.inspect.DictType) and pa.types.is_map(arrow_type(kind)):
        return _map_builder(kind)
    return _plain_builder(kind)


def _plain_builder(kind: msgspec.inspect.Type) -> _Build:
    column, convert = arrow_type(kind), as_row_value(kind)
    if convert is None:
        return lambda values: pa.array(values, column)
    return lambda values: pa.array([convert(value) for value in values], column)


def _offsets(values: Sequence[Any]) -> pa.Array:
    """Where each list begins, null where there is none; and where the last one ends."""
    ends = list(accumulate((len(value) if value else 0 for value in values), initial=0))
    starts: list[int | None] = list(ends)
    for index, value in enumerate(values):
        if value is None:
            starts[index] = None
    return pa.array(starts, pa.int32())


def _list_builder(kind: msgspec.inspect.ListType) -> _Build:
    item, column = _builder(kind.item_type), arrow_type(kind)

    def build(values: Sequence[Any]) -> pa.Array:
        flat = [row for value in values if value for row in value]
        return pa.ListArray.from_arrays(_offsets(values), item(flat), type=column)

    return build


def _map_builder(kind: msgspec.inspect.DictType) -> _Build:
    key, item = _builder(kind.key_type), _builder(kind.value_type)

    def build(values: Sequence[Any]) -> pa.Array:
        keys = [name for value in values if value for name in value]
        items = [row for value in values if value for row in value.values()]
        return pa.MapArray.from_arrays(_offsets(values), key(keys), item(items))

    return build


def _field_builders(kind: msgspec.inspect.StructType) -> list[tuple[Callable[..., Any], _Build]]:
    return [(attrgetter(field.name), _builder(field.type)) for field in kind.fields]


def _struct_builder(kind: msgspec.inspect.StructType) -> _Build:
    fields, column = _field_builders(kind), arrow_type(kind)

    def build(values: Sequence[Any]) -> pa.Array:
        missing = [value is None for value in values]
        if any(missing):
            columns = [
                make([None if value is None else get(value) for value in values])
                for get, make in fields
            ]
        else:
            columns = [make([*map(get, values)]) for get, make in fields]
        mask = pa.array(missing, pa.bool_())
        return pa.StructArray.from_arrays(columns, fields=list(column), mask=mask)

    return build


@cache
def _columns(event: type[Event]) -> tuple[str | None, list[tuple[Callable[..., Any], _Build]]]:
    kind: Any = msgspec.inspect.type_info(event)
    return (kind.tag, _field_builders(kind))


def arrow_table(kind: type[Event], events: Sequence[Event]) -> pa.Table:
    """These events, which are all of this kind, with the columns of ``arrow_schema``."""
    tag, fields = _columns(kind)
    columns = [make([*map(get, events)]) for get, make in fields]
    if tag is not None:
        columns.insert(0, pa.repeat(pa.scalar(tag, pa.string()), len(events)))
    return pa.Table.from_arrays(columns, schema=arrow_schema(kind))
