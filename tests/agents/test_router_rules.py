"""Which rule a router has in force, whoever sends which when."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from agents.router import Router
from streams.app import RoleApp
from streams.consuming import Record
from streams.tracing import Tracing
from tests.agents.routing_parts import SETTINGS, rule

RECORD = cast(Record, SimpleNamespace(timestamp=0))


@pytest.fixture
def router() -> Router:
    app: Any = SimpleNamespace(outbox=None, registry=CollectorRegistry(), tracing=Tracing())
    return Router(SETTINGS, cast(RoleApp, app), lambda: 0)


@pytest.mark.parametrize(
    ("versions", "in_force"), [((1, 2), 2), ((2, 1), 2), ((3, 3), 3), ((1, 3, 2), 3)]
)
def test_an_older_rule_does_not_come_back(
    router: Router, versions: tuple[int, ...], in_force: int
) -> None:
    """A tuner that was stopped, and replaced, sends what it had in its hands when it wakes up."""
    router.put_rule(rule("reasoning", version=1), RECORD)
    for version in versions:
        router.put_rule(rule("code", version=version), RECORD)
    assert router._rules["code"].version == in_force
    assert router._rules["reasoning"].version == 1, "each task has its own"
