"""Settings and rules for tests of decisions."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.routing import Table
from schemas.query import Query
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION
from streams.settings import Settings

CHAT = {"endpoint": "http://a:80", "protocol": "tgi", "serves": ["chat"]}


def _embedder(space: str) -> dict[str, Any]:
    return {
        "endpoint": "http://e:80",
        "protocol": "openai",
        "serves": ["embedding"],
        "vector_space": space,
    }


SETTINGS = msgspec.convert(
    {
        "models": {
            **dict.fromkeys("abcd", CHAT),
            "mini": _embedder("mini"),
            "mini-int8": _embedder("mini"),
            "bge": _embedder("bge"),
        },
        "tasks": {
            "reasoning": {},
            "code": {"candidates": ["a", "b", "c"], "prior": {"a": 0.5, "b": 0.25, "c": 0.25}},
            "embedding": {"needs": "embedding", "prior": {"mini": 0.6, "bge": 0.4}},
        },
    },
    Settings,
)


def rule(task: str = "code", **fields: Any) -> RoutingRule:
    """A rule with these weights, in shares."""
    shares = fields.pop("shares", {"a": 0.5, "b": 0.3, "c": 0.2})
    weights = {name: round(share * MILLION) for name, share in shares.items()}
    given: dict[str, Any] = {"version": 3, "policy": "static", "configuration_digest": ""}
    return RoutingRule(task=task, weights=weights, **(given | {"reason": "why"} | fields))


def table(*rules: RoutingRule, unhealthy: frozenset[str] = frozenset()) -> Table:
    """What a router knows."""
    return Table({one.task: one for one in rules}, unhealthy)


def chat(query_id: str = "q", **fields: Any) -> Query:
    """A query with a prompt."""
    return Query(query_id=query_id, prompt="x", **fields)


def texts(query_id: str = "q", **fields: Any) -> Query:
    """A query for embeddings."""
    return Query(query_id=query_id, input=["x"], **fields)
