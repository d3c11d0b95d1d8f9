"""What one side may ask to be done with an object that the other side holds."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_")
PLAIN = ("len", "iter", "next", "bool", "str", "repr", "hash", "isinstance")
ITEMS = ("getitem", "setitem", "delitem", "contains")
ATTRIBUTES = ("getattr", "setattr")


def _call(function: Any, *args: Any, **keywords: Any) -> Any:
    return function(*args, **keywords)


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    function = getattr(operator, name)
    return lambda right, left: function(left, right)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": _call,
    "getattr": getattr,
    "setattr": setattr,
    "len": len,
    "iter": iter,
    "next": next,
    "bool": bool,
    "str": str,
    "repr": repr,
    "hash": hash,
    "isinstance": isinstance,
    "neg": operator.neg,
    "enter": lambda target: target.__enter__(),
    "exit": lambda target: target.__exit__(None, None, None),
    **{name: getattr(operator, name) for name in (*ITEMS, *COMPARISONS, *ARITHMETIC)},
    **{f"r{name}": _reflected(name) for name in ARITHMETIC},
}
