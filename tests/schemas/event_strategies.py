"""Hypothesis strategies for every event, from its types alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from schemas.control import Control
from schemas.metric import Metric
from schemas.query import Query
from schemas.routing_rule import RoutingRule
from schemas.wire import INT_MAX, MILLION, Event, decode, encode

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
FREE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def _number(kind: inspect.IntType | inspect.FloatType) -> st.SearchStrategy[Any]:
    if isinstance(kind, inspect.IntType):
        low = kind.ge if kind.ge is not None else -INT_MAX
        return st.integers(low, kind.le if kind.le is not None else INT_MAX)
    return st.floats(
        min_value=kind.ge if kind.ge is not None else kind.gt,
        max_value=kind.le,
        exclude_min=kind.gt is not None,
        allow_nan=False,
        allow_infinity=False,
    )


def _text(kind: inspect.StrType) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), min_size=kind.min_length or 0, max_size=9)


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0912
    """Values of a field's type."""
    match kind:
        case inspect.Metadata():
            return values(kind.type)
        case inspect.UnionType():
            return st.one_of(*map(values, kind.types))
        case inspect.NoneType():
            return st.none()
        case inspect.AnyType():
            return FREE
        case inspect.BoolType():
            return st.booleans()
        case inspect.BytesType():
            return st.binary(max_size=9)
        case inspect.StrType():
            return _text(kind)
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.IntType() | inspect.FloatType():
            return _number(kind)
        case inspect.ListType():
            return st.lists(values(kind.item_type), min_size=kind.min_length or 0, max_size=3)
        case inspect.DictType():
            return st.dictionaries(values(kind.key_type), values(kind.value_type), max_size=3)
        case inspect.StructType():
            return structs(kind)
        case _:
            raise TypeError(f"no strategy for {kind}")


def _one_text(given: dict[str, Any]) -> None:
    texts = [name for name in ("prompt", "messages", "input") if given.get(name) is not None]
    for name in texts[1:]:
        del given[name]
    if not texts:
        given["prompt"] = "x"


def _whole_metric(given: dict[str, Any]) -> None:
    if given["kind"] == "outcome":
        given["ok"] = bool(given.get("ok"))
        given["response_time_s"] = given.get("response_time_s") or 0.0
    else:
        given["accuracy"] = given.get("accuracy") or 0.0
        given["grader"] = given.get("grader") or "g"


def _whole_weights(given: dict[str, Any]) -> None:
    rest = MILLION
    for name, weight in given["weights"].items():
        given["weights"][name] = min(weight, rest)
        rest -= given["weights"][name]
    given["weights"]["last"] = given["weights"].get("last", 0) + rest


def _whole_control(given: dict[str, Any]) -> None:
    if given["action"] == "configure" and given.get("configuration") is None:
        given["action"] = "freeze"
    if given.get("model") is None:
        given["model"] = "m"


RULES: dict[type[Any], Callable[[dict[str, Any]], None]] = {
    Query: _one_text,
    Metric: _whole_metric,
    RoutingRule: _whole_weights,
    Control: _whole_control,
}
"""What an event asks of its fields together."""


@st.composite
def structs(draw: st.DrawFn, kind: inspect.StructType) -> Any:
    """A struct; any field that has a default may be left out."""
    given = {
        field.name: draw(values(field.type))
        for field in kind.fields
        if field.required or draw(st.booleans())
    }
    if (rule := RULES.get(kind.cls)) is not None:
        rule(given)
    return kind.cls(**given)


def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Events as a reader has them: decoded from the wire."""
    info: Any = msgspec.inspect.type_info(kind)
    return structs(info).map(lambda event: decode(kind, encode(event)))
