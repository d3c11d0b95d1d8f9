"""A table of settings as a struct, with errors that name the key and what is allowed there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.inspect import (
    BoolType,
    DictType,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from schemas.wire import INT_MAX

T = TypeVar("T")
_LONGEST_SHOWN = 80


class SettingsError(ValueError):
    """A setting can't be used: ``source`` (file or variable), ``key``, and what is allowed."""

    def __init__(self, source: str, key: str, problem: str) -> None:
        super().__init__(f"{source}: {key}: {problem}" if key else f"{source}: {problem}")


@dataclass(frozen=True)
class Where:
    """Where settings came from: the file, and the keys that a variable or flag gave instead."""

    file: str
    overridden: Mapping[str, str] = field(default_factory=dict)

    def error(self, key: str, problem: str) -> SettingsError:
        """An error at ``key`` (dotted), blamed on what set it or the table that it is in."""
        part = key
        while part and part not in self.overridden:
            part = part.rpartition(".")[0]
        return SettingsError(self.overridden.get(part, self.file), key, problem)


def as_struct(table: Mapping[str, Any], kind: type[T], where: Where) -> T:
    """The whole table as ``kind``.

    Raises:
        SettingsError: unknown or missing key, wrong type, out of range; says what is allowed.
    """
    _check(table, kind, "", where)
    return msgspec.convert(table, kind)


def check_sections(table: Mapping[str, Any], kind: type[Any], where: Where) -> None:
    """Refuses what isn't a table where one is expected, so that overrides have a place to go.

    Raises:
        SettingsError: a section, or one of its named tables, is something else.
    """
    for section in msgspec.structs.fields(kind):
        value = _table(table.get(section.name, {}), section.name, where)
        if get_origin(section.type) is dict:
            for name, inner in value.items():
                _table(inner, f"{section.name}.{name}", where)


def _check(value: Any, annotation: Any, key: str, where: Where) -> None:
    kind = type_info(annotation)
    if isinstance(kind, StructType):
        _check_struct(_table(value, key, where), kind.cls, key, where)
    elif isinstance(kind, DictType):
        _check_dict(_table(value, key, where), annotation, key, where)
    else:
        _check_leaf(value, annotation, kind, key, where)


def _table(value: Any, key: str, where: Where) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise where.error(key, f"must be a table; got {_shown(value)}")
    return value


def _check_struct(table: dict[str, Any], kind: type[Any], key: str, where: Where) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in table:
        if name not in fields:
            raise where.error(_join(key, name), f"unknown key; allowed are {', '.join(fields)}")
    for name, row in fields.items():
        if name in table:
            _check(table[name], row.type, _join(key, name), where)
        elif row.required:
            raise where.error(_join(key, name), f"is missing; must be {allowed(row.type)}")


def _check_dict(table: dict[str, Any], annotation: Any, key: str, where: Where) -> None:
    name_type, value_type = get_args(annotation)
    for name, value in table.items():
        inner = _join(key, name)
        _check_leaf(name, name_type, type_info(name_type), inner, where)
        _check(value, value_type, inner, where)


def _check_leaf(value: Any, annotation: Any, kind: Type, key: str, where: Where) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise where.error(key, f"must be {_allowed(kind)} and finite; got {value}")
    try:
        msgspec.convert(value, annotation)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise where.error(key, f"must be {_allowed(kind)}; got {_shown(value)}") from error


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _shown(value: Any) -> str:
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except (ValueError, RecursionError):
        return "more than can be shown"
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def allowed(annotation: Any) -> str:
    """What a value of this type may be, in words: ``a number from 0 to 1``."""
    return _allowed(type_info(annotation))


def _allowed(kind: Type) -> str:
    match kind:
        case LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case IntType() | FloatType():
            noun = "an integer" if isinstance(kind, IntType) else "a number"
            return f"{noun}{_range(kind)}"
        case BoolType():
            return "true or false"
        case StrType():
            return _text(kind)
        case ListType(item_type=item, min_length=least):
            return f"a list{f' of at least {least}' if least else ''}, each {_allowed(item)}"
        case UnionType(types=types):
            return " or ".join(_allowed(part) for part in types if not isinstance(part, NoneType))
        case _:
            return "a table"


def _range(kind: IntType | FloatType) -> str:
    most = None if kind.le == INT_MAX else kind.le
    if kind.ge is not None and most is not None:
        return f" from {kind.ge:g} to {most:g}"
    bounds = (("at least", kind.ge), ("above", kind.gt), ("at most", most), ("below", kind.lt))
    given = [f"{word} {bound:g}" for word, bound in bounds if bound is not None]
    return f" {' and '.join(given)}" if given else ""


def _text(kind: StrType) -> str:
    if kind.pattern:
        return f"text that matches {kind.pattern}"
    return "text that isn't empty" if kind.min_length else "text"
