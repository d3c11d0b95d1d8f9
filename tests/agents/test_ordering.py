"""Which orders can be, and which rules have their effect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.ordering import OrderError, check, holds
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION
from streams.settings import Model, Settings, Task

SETTINGS = Settings(
    models={name: Model(endpoint="http://m:80", protocol="tgi", serves=["chat"]) for name in "abx"},
    tasks={"code": Task(candidates=["a", "b"]), "other": Task()},
)
RULE = RoutingRule(
    task="code",
    version=1,
    weights={"a": MILLION},
    policy="static",
    configuration_digest="0",
    reason="",
)


def order(action: Any, model: str | None = None, task: str = "code") -> Control:
    return Control(task=task, action=action, model=model, issued_at=0)


def ruled(**fields: Any) -> RoutingRule:
    return msgspec.structs.replace(RULE, **fields)


@pytest.mark.parametrize(
    ("given", "rule", "told"),
    [
        (order("pin", "a", "cod"), RULE, "no task is named 'cod'; tasks are code, other"),
        (order("freeze", None, "cod"), None, "tasks are code, other"),
        (order("pin", "c"), RULE, "'c' is no candidate for code; candidates are a, b"),
        (order("pin", "x"), RULE, "candidates are a, b"),
        (order("include", "x"), RULE, "candidates are a, b"),
        (order("exclude", "x"), None, "candidates are a, b"),
        (order("pin", "a"), ruled(excluded=["a"]), "include it first"),
        (order("exclude", "a"), ruled(pinned="a"), "unpin it first"),
        (order("exclude", "a"), ruled(excluded=["b"]), "a is the last candidate for code"),
    ],
)
def test_what_has_no_sense_is_refused(given: Control, rule: RoutingRule | None, told: str) -> None:
    with pytest.raises(OrderError) as raised:
        check(SETTINGS, given, rule)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (order("pin", "a"), None),
        (order("pin", "a"), ruled(pinned="b")),
        (order("exclude", "a"), ruled(excluded=["a"])),
        (order("exclude", "b"), ruled(pinned="a")),
        (order("include", "gone"), ruled(excluded=["gone"])),
        (order("unpin"), RULE),
        (order("freeze"), None),
    ],
)
def test_the_rest_is_allowed(given: Control, rule: RoutingRule | None) -> None:
    check(SETTINGS, given, rule)


EFFECTS = [
    (order("pin", "a"), {"pinned": "a"}),
    (order("freeze"), {"frozen": True}),
    (order("exclude", "a"), {"excluded": ["a", "b"]}),
]
OPPOSITES = {"pin": "unpin", "freeze": "unfreeze", "exclude": "include"}


@pytest.mark.parametrize(("given", "fields"), EFFECTS)
def test_a_rule_has_an_orders_effect_or_its_opposites(
    given: Control, fields: dict[str, Any]
) -> None:
    opposite = order(OPPOSITES[given.action], given.model)
    with_effect = ruled(**fields)
    assert (holds(given, with_effect), holds(given, RULE)) == (True, False)
    assert (holds(opposite, with_effect), holds(opposite, RULE)) == (False, True)
    assert not holds(given, ruled(task="other", **fields))
    assert not holds(given, None)


def test_another_pin_is_not_this_one() -> None:
    assert not holds(order("pin", "a"), ruled(pinned="b"))
