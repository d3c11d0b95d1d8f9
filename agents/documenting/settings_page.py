"""``reference/settings.md``: every section and key, from the structs and zeta.toml's comments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agents.documenting.markdown import code, page, prose, table
from streams.settings import Settings

_KEY = re.compile(r"^#? ?(\w+) = .*?\s# (.+)$")
_MORE = re.compile(r"^#?\s{12,}#\s+(.+)$")
_SECTION = re.compile(r"^\[([a-z]+)")

_ABOUT = """Three sources, the later one wins: the file (`--config`, `$ZETA_CONFIG`, else
`./zeta.toml`), variables (`ZETA_<SECTION>_<KEY>`; in a model's or task's name `_` stands for every
character that isn't a letter or a digit: `ZETA_MODELS_CODE_7B_ENDPOINT`; `KAFKA_BOOTSTRAP` names
the broker, too), and flags (`zeta --set section.key=value`). A key that doesn't exist, and a value
out of its range, are refused before anything starts. Keys that end in `_s` are seconds."""


def settings_page(toml: str) -> str:
    """The page; ``toml`` is the text of the commented ``zeta.toml``."""
    said = comments(toml)
    kind: Any = msgspec.inspect.type_info(Settings)
    return page("Settings", " ".join(_ABOUT.split()), *(_section(row, said) for row in kind.fields))


def comments(toml: str) -> dict[tuple[str, str], str]:
    """What ``zeta.toml`` says of a key at its line's end, by section and key."""
    found: dict[tuple[str, str], str] = {}
    section, last = "", None
    for line in toml.splitlines():
        if head := _SECTION.match(line):
            section, last = head[1], None
        elif row := _KEY.match(line):
            last = (section, row[1])
            found.setdefault(last, row[2])
        elif last is not None and (more := _MORE.match(line)):
            found[last] += f" {more[1]}"
        else:
            last = None
    return found


def _section(row: msgspec.inspect.Field, said: Mapping[tuple[str, str], str]) -> str:
    kind: Any = row.type
    name = row.name
    if isinstance(kind, msgspec.inspect.DictType):
        kind, title = kind.value_type, f"`[{name}.<name>]`"
    else:
        title = f"`[{name}]`"
    text = prose(inspect.cleandoc(kind.cls.__doc__ or ""))
    rows = (_row(field, said.get((name, field.name), "")) for field in kind.fields)
    head = ("key", "type", "default", "")
    return f"## {title}\n\n{text}\n\n{table(head, rows)}"


def _row(field: msgspec.inspect.Field, said: str) -> tuple[str, str, str, str]:
    return code(field.name), _type(field.type), _default(field), said


def _default(field: msgspec.inspect.Field) -> str:
    if field.default is not msgspec.NODEFAULT:
        value = field.default
    elif field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    else:
        return "required"
    if value is None:
        return "none"
    text = msgspec.json.encode(value).decode()
    return code(text) if len(text) <= 60 else "a text, see zeta.toml"


def _type(kind: msgspec.inspect.Type) -> str:
    match kind:
        case msgspec.inspect.Metadata():
            return _type(kind.type)
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.IntType():
            return " ".join(("whole number", *_range(kind))).strip()
        case msgspec.inspect.FloatType():
            return " ".join(("number", *_range(kind))).strip()
        case msgspec.inspect.StrType():
            return "text, not empty" if kind.min_length else "text"
        case msgspec.inspect.LiteralType():
            return "one of " + ", ".join(code(str(value)) for value in kind.values)
        case msgspec.inspect.UnionType():
            return " or ".join(map(_type, kind.types))
        case msgspec.inspect.NoneType():
            return "nothing"
        case msgspec.inspect.ListType():
            return f"list of {_type(kind.item_type)}"
        case msgspec.inspect.DictType():
            return f"table: {_type(kind.value_type)}"
        case msgspec.inspect.StructType():
            inside = (f"{code(field.name)} ({_type(field.type)})" for field in kind.fields)
            return "table of " + ", ".join(inside)
        case _:
            return "anything"


def _range(kind: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> Iterator[str]:
    if kind.gt is not None:
        yield f"> {kind.gt:g}"
    if kind.ge is not None:
        yield f"≥ {kind.ge:g}"
    if kind.lt is not None:
        yield f"< {kind.lt:g}"
    if kind.le is not None and kind.le < 2**62:
        yield f"≤ {kind.le:g}"
