"""A JSON Schema seen as the kinds of JSON value that it takes, each with its own limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from schemas.contract import Schema

Kinds: TypeAlias = Mapping[str, Schema]
"""``integer``, ``string``, …, or ``any`` -> the schema of the values of that kind."""

_ANNOTATIONS = frozenset({"default", "description", "title", "examples", "$schema", "$id", "$defs"})
_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string"}


class UnknownSchemaError(ValueError):
    """A schema that is put together as no event's is."""


def resolve(schema: Schema, document: Schema) -> Schema:
    """The schema itself, where it only names one of the document's ``$defs``.

    Raises:
        UnknownSchemaError: it names something else.
    """
    if "$ref" not in schema:
        return schema
    name = str(schema["$ref"]).removeprefix("#/$defs/")
    if name not in document.get("$defs", {}):
        raise UnknownSchemaError(f"{schema['$ref']!r} is not in $defs")
    return resolve(document["$defs"][name], document)


def kinds_of(schema: Schema, document: Schema) -> Kinds:
    """The kinds that a schema takes.

    Raises:
        UnknownSchemaError: two of its alternatives are of one kind, so that neither can be told.
    """
    found: dict[str, Schema] = {}
    for kind, part in _alternatives(schema, document):
        if kind in found:
            raise UnknownSchemaError(f"two alternatives of kind {kind}")
        found[kind] = part
    return found


def _alternatives(schema: Schema, document: Schema) -> Iterator[tuple[str, Schema]]:
    schema = resolve(schema, document)
    if "anyOf" in schema:
        for part in schema["anyOf"]:
            yield from _alternatives(part, document)
    elif "type" in schema:
        given = schema["type"]
        yield from ((kind, schema) for kind in ([given] if isinstance(given, str) else given))
    elif "enum" in schema or "const" in schema:
        yield from _listed(schema.get("enum") or [schema["const"]])
    elif schema.keys() <= _ANNOTATIONS:
        yield "any", schema
    else:
        raise UnknownSchemaError(f"nothing is known of {sorted(schema.keys() - _ANNOTATIONS)}")


def _listed(values: list[Any]) -> Iterator[tuple[str, Schema]]:
    by_kind: dict[str, list[Any]] = {}
    for value in values:
        by_kind.setdefault(_KINDS.get(type(value), "null"), []).append(value)
    yield from ((kind, {"enum": some}) for kind, some in by_kind.items())


def taker(kind: str, kinds: Kinds) -> str | None:
    """Which of the kinds takes values of this one; None: none does."""
    if kind in kinds:
        return kind
    if kind == "integer" and "number" in kinds:
        return "number"
    return "any" if "any" in kinds else None


def lower_bound(schema: Schema) -> tuple[float, int]:
    """The least number, and 1 where it is itself excluded: the larger, the tighter."""
    bounds = [(schema[key], place) for place, key in enumerate(_LEAST) if key in schema]
    return max(bounds, default=(float("-inf"), 0))


def upper_bound(schema: Schema) -> tuple[float, int]:
    """The largest number, and -1 where it is itself excluded: the smaller, the tighter."""
    bounds = [(schema[key], -place) for place, key in enumerate(_MOST) if key in schema]
    return min(bounds, default=(float("inf"), 0))


_LEAST = ("minimum", "exclusiveMinimum")
_MOST = ("maximum", "exclusiveMaximum")
