"""Values between the tests and the answer, as JSON: plain data by value, all else by reference.

No pickle: what comes from the answer's side can only become one of the types listed here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

Refer = Callable[[Any], list[Any]]
Resolve = Callable[[list[Any]], Any]

LARGEST_PLAIN_INT = 2**63

_PLAIN = (type(None), bool, str, float)
_SEQUENCES = ("list", "tuple", "set", "frozenset", "collections.deque")
_MAPPINGS = ("dict", "collections.OrderedDict", "collections.Counter")
_SIMPLE: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "int": lambda value: (hex(value), 16),
    "complex": lambda value: (value.real, value.imag),
    "range": lambda value: (value.start, value.stop, value.step),
    "bytes": lambda value: (list(value),),
    "bytearray": lambda value: (list(value),),
    "decimal.Decimal": lambda value: (str(value),),
    "fractions.Fraction": lambda value: (str(value),),
    "datetime.timedelta": lambda value: (value.days, value.seconds, value.microseconds),
}
_ISO = ("datetime.datetime", "datetime.date", "datetime.time")


def _tag(kind: type) -> str:
    if kind.__module__ == "builtins":
        return kind.__qualname__
    if kind.__module__ == "collections" and kind.__qualname__ == "defaultdict":
        return "dict"
    return f"{kind.__module__}.{kind.__qualname__}"


def _known(tag: str) -> Any:
    module, _, name = tag.rpartition(".")
    return getattr(importlib.import_module(module or "builtins"), name)


def encode(value: Any, refer: Refer) -> Any:
    """JSON for a value; ``refer`` gives the JSON for what doesn't travel by value.

    Order and types are kept; sharing isn't: a list that occurs twice arrives as two.
    """
    kind = type(value)
    if kind in _PLAIN or (kind is int and abs(value) < LARGEST_PLAIN_INT):
        return value
    tag = _tag(kind)
    if tag in _SEQUENCES:
        return [tag, *(encode(item, refer) for item in value)]
    if tag in _MAPPINGS:
        return [tag, *([encode(key, refer), encode(value[key], refer)] for key in value)]
    if tag == "slice":
        return [tag, *(encode(item, refer) for item in (value.start, value.stop, value.step))]
    if tag in _SIMPLE:
        return [tag, *_SIMPLE[tag](value)]
    return [tag, value.isoformat()] if tag in _ISO else refer(value)


def decode(json: Any, resolve: Resolve) -> Any:
    """The value; ``resolve`` gives it for a reference.

    Raises:
        ValueError: not what ``encode`` makes. (Or TypeError, where parts don't fit together.)
    """
    if not isinstance(json, list):
        return json
    tag, *items = json
    if tag in _SEQUENCES:
        return _known(tag)(decode(item, resolve) for item in items)
    if tag in _MAPPINGS:
        return _known(tag)({decode(k, resolve): decode(v, resolve) for k, v in items})
    if tag == "slice":
        return slice(*(decode(item, resolve) for item in items))
    if tag in _SIMPLE:
        return _known(tag)(*items)
    return _known(tag).fromisoformat(*items) if tag in _ISO else resolve(json)
