"""Records as an Arrow table, and back to the very records.

The columns are those of the topic's events (``schemas.arrow``), then the record's own. ``raw``
holds a value's bytes only where the columns don't give them back exactly: what doesn't decode,
has fields that we don't know, or isn't written as we write. A tombstone has no ``value_bytes``.
"""

from __future__ import annotations

import gc
import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

import pyarrow as pa

from schemas.arrow import arrow_schema, event_of
from schemas.arrow_columns import arrow_table
from schemas.wire import Event, WireError, decode, encode
from streams.history import LoggedRecord

Types = tuple[type[Event], ...]

HEADERS = pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("value", pa.binary())]))
RECORD_SCHEMA = pa.schema(
    [
        pa.field("kafka_partition", pa.int32()),
        pa.field("kafka_offset", pa.int64()),
        pa.field("kafka_timestamp", pa.timestamp("ms", tz="UTC")),
        pa.field("key", pa.binary()),
        pa.field("headers", HEADERS),
        pa.field("value_bytes", pa.int64()),
        pa.field("raw", pa.binary()),
    ]
)
"""What every file has, whatever its topic carries."""

EVENT_PREFIX = "event_"
"""Before an event's column whose name is one of the record's: ``event_key`` of dead-letters."""


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """A record as it was on the broker; ``timestamp`` in Unix ms. A ``LoggedRecord``."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def _column(name: str) -> str:
    return EVENT_PREFIX + name if name in RECORD_SCHEMA.names else name


@cache
def table_schema(types: Types) -> pa.Schema:
    """The columns of a topic's files: of all its events, then the record's own."""
    events = pa.unify_schemas([arrow_schema(event) for event in types]) if types else pa.schema([])
    renamed = [field.with_name(_column(field.name)) for field in events]
    return pa.schema([*renamed, *RECORD_SCHEMA])


def table_of(types: Types, partition: int, records: Sequence[LoggedRecord]) -> pa.Table:
    """The records, in their order, with the columns of ``table_schema``."""
    with _uncollected():
        read = [_event(types, record.value) for record in records]
        raw = [
            None if event is not None and encode(event) == record.value else record.value
            for event, record in zip(read, records, strict=True)
        ]
        table = _event_columns(types, read)
    for field, column in zip(RECORD_SCHEMA, _own(partition, records, raw), strict=True):
        table = table.append_column(field, column)
    return table


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection: so many objects at once set it off, and there is nothing to find."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _event(types: Types, value: bytes | None) -> Event | None:
    if not value or not types:
        return None
    try:
        event: Event = decode(_union(types), value)
    except WireError:
        return None
    return event


@cache
def _union(types: Types) -> Any:
    return reduce(operator.or_, types)


def _own(
    partition: int, records: Sequence[LoggedRecord], raw: Sequence[bytes | None]
) -> Iterator[pa.Array]:
    yield pa.repeat(pa.scalar(partition, pa.int32()), len(records))
    yield pa.array([record.offset for record in records], pa.int64())
    times = pa.array([record.timestamp for record in records], pa.int64())
    yield times.cast(RECORD_SCHEMA.field("kafka_timestamp").type)
    yield pa.array([record.key for record in records], pa.binary())
    yield _headers([record.headers for record in records])
    sizes = [None if record.value is None else len(record.value) for record in records]
    yield pa.array(sizes, pa.int64())
    yield pa.array(raw, pa.binary())


def _headers(headers: Sequence[Sequence[tuple[str, bytes | None]]]) -> pa.Array:
    if not any(headers):
        return pa.array([()] * len(headers), HEADERS)
    rows = [[{"name": name, "value": value} for name, value in row] for row in headers]
    return pa.array(rows, HEADERS)


def _event_columns(types: Types, events: Sequence[Event | None]) -> pa.Table:
    """One row for each event, and one of nulls for each None, in order."""
    groups: dict[type[Event] | None, list[int]] = {}
    for index, event in enumerate(events):
        groups.setdefault(None if event is None else type(event), []).append(index)
    tables = [_group(types, kind, [events[i] for i in rows]) for kind, rows in groups.items()]
    if not tables:
        return _group(types, None, [])
    if len(tables) == 1:
        return tables[0]
    where = [index for rows in groups.values() for index in rows]
    order = sorted(range(len(where)), key=where.__getitem__)
    return pa.concat_tables(tables).take(pa.array(order, pa.int64()))


def _group(types: Types, kind: type[Event] | None, events: Sequence[Any]) -> pa.Table:
    found = {} if kind is None else _named(arrow_table(kind, events))
    count = len(events)
    fields = [field for field in table_schema(types) if field.name not in RECORD_SCHEMA.names]
    if not fields:  # a table without columns has no rows, either
        return pa.table({"": pa.nulls(count)}).select([])
    columns = [found.get(field.name, pa.nulls(count, field.type)) for field in fields]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _named(table: pa.Table) -> Mapping[str, pa.ChunkedArray]:
    return {_column(name): table.column(name) for name in table.column_names}


def records_of(types: Types, table: pa.Table | pa.RecordBatch) -> list[ArchivedRecord]:
    """The records that these rows were made of.

    A row that no longer is one of these events, and has no ``raw``, raises ValueError.
    """
    renamed = {_column(name): name for event in types for name in arrow_schema(event).names}
    times = table.column("kafka_timestamp").cast(pa.int64()).to_pylist()
    own = zip(
        table.column("kafka_offset").to_pylist(),
        times,
        table.column("key").to_pylist(),
        table.column("headers").to_pylist(),
        table.column("value_bytes").to_pylist(),
        table.column("raw").to_pylist(),
        _event_rows(renamed, table),
        strict=True,
    )
    return [
        ArchivedRecord(offset, at, key, _value(types, size, raw, row), _pairs(headers))
        for offset, at, key, headers, size, raw, row in own
    ]


def _pairs(headers: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, bytes | None], ...]:
    return tuple((header["name"], header["value"]) for header in headers)


def _event_rows(
    renamed: Mapping[str, str], table: pa.Table | pa.RecordBatch
) -> Iterator[dict[str, Any]]:
    there = [name for name in table.schema.names if name in renamed]
    if not there:
        return iter([{}] * table.num_rows)
    columns = [table.column(name).to_pylist() for name in there]
    names = [renamed[name] for name in there]
    return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def _value(
    types: Types, size: int | None, raw: bytes | None, row: Mapping[str, Any]
) -> bytes | None:
    if size is None or raw is not None:
        return raw
    return encode(event_of(row, types))
