"""``reference/events.md``: every event and its parts, field by field, from their JSON Schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agents.documenting.markdown import code, page, prose, table
from schemas.arrow import EVENTS
from schemas.contract import Schema, part_schemas
from schemas.wire import INT_MAX

_REFERENCE = "#{name}"
_ABOUT = """What travels, as JSON. A field without a default must be there; one that holds its
default may be left out. Unknown fields are ignored. Times that end in `_at` are integers of Unix
milliseconds, durations that end in `_s` seconds, `_micro` millionths. Of each event there is a JSON
Schema in [docs/schemas](../schemas/asyncapi.json): `zeta schemas Query` prints one."""


def events_page() -> str:
    """The page: the events in the topic table's order, then their parts by name."""
    parts = part_schemas(EVENTS, _REFERENCE)
    names = [event.__name__ for event in EVENTS]
    rest = [name for name in parts if name not in names]
    shown = (_section(parts[name], 2) for name in names)
    return page(
        "Events",
        " ".join(_ABOUT.split()),
        *shown,
        "## Parts of events",
        *(_section(parts[name], 3) for name in rest),
    )


def _section(schema: Schema, level: int) -> str:
    title = schema["title"]
    required = schema.get("required", ())
    rows = (
        (code(name), _type(field), _default(field, required=name in required))
        for name, field in schema["properties"].items()
    )
    link = f"[JSON Schema](../schemas/{title}.json)\n\n" if level == 2 else ""
    head = f"{'#' * level} {title}\n\n{prose(schema['description'])}\n\n{link}"
    return head + table(("field", "type", "default"), rows)


def _default(field: Schema, *, required: bool) -> str:
    if required:
        return "required"
    value = field.get("default")
    return "none" if value is None else code(msgspec.json.encode(value).decode())


def _type(field: Schema) -> str:
    if "$ref" in field:
        name = field["$ref"].removeprefix("#")
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        kinds = [_type(part) for part in field["anyOf"] if part != {"type": "null"}]
        return " or ".join(kinds)
    if "enum" in field:
        return ", ".join(code(str(value)) for value in field["enum"])
    match field.get("type"):
        case "array":
            return f"list of {_type(field.get('items', {}))}"
        case "object":
            return f"mapping to {_type(field.get('additionalProperties') or {})}"
        case "string" if "contentEncoding" in field:
            return "bytes, in base64"
        case None:
            return "anything"
        case kind:
            return " ".join((str(kind), *_bounds(field)))


def _bounds(field: Schema) -> Iterator[str]:
    for key, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("maximum", "≤")):
        value: Any = field.get(key)
        if value is not None and abs(value) < INT_MAX:
            yield f"{sign} {value:g}"
    if field.get("minLength"):
        yield "not empty"
    if "maxLength" in field:
        yield f"≤ {field['maxLength']} characters"
