"""Shadow copies: trying a model of another vector space without answering from it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.routing import LONGEST_SHADOWED, Table, shadow
from schemas.assignment import Decision
from schemas.query import Query
from tests.agents.routing_parts import SETTINGS, rule, table

EVERY = msgspec.structs.replace(
    SETTINGS, routing=msgspec.structs.replace(SETTINGS.routing, exploration=1.0)
)


def copied(query: Query, known: Table | None = None, settings: Any = EVERY) -> Decision | None:
    return shadow(settings, known or table(), query, "embedding", now_ms=7)


def texts(query_id: str = "q", **fields: Any) -> Query:
    return Query(query_id=query_id, input=["a", "b"], **fields)


def test_a_copy_goes_to_a_model_of_another_space_and_is_no_choice() -> None:
    decision = copied(texts())
    assert decision is not None
    assert (decision.model, decision.kind, decision.eligible) == ("bge", "shadow", ["bge"])
    assert decision.propensity == 1.0


def test_copies_are_a_share_of_the_queries() -> None:
    settings = msgspec.structs.replace(
        SETTINGS, routing=msgspec.structs.replace(SETTINGS.routing, exploration=0.1)
    )
    count = sum(copied(texts(f"q{n}"), settings=settings) is not None for n in range(2_000))
    assert 150 < count < 250  # 200 expected, 3.7 standard deviations


@pytest.mark.parametrize(
    "query",
    [
        texts(any_space=True),
        texts(models=["mini"]),
        texts("x" * (LONGEST_SHADOWED + 1)),
    ],
)
def test_some_queries_are_never_copied(query: Query) -> None:
    assert copied(query) is None


def test_no_copy_where_an_operator_or_health_forbids_it() -> None:
    shares = {"mini": 1.0}
    assert copied(texts(), table(unhealthy=frozenset({"bge"}))) is None
    for fields in ({"pinned": "mini"}, {"frozen": True}, {"excluded": ["bge"]}):
        assert copied(texts(), table(rule("embedding", shares=shares, **fields))) is None


def test_chat_is_never_copied() -> None:
    query = Query(query_id="q", prompt="x")
    assert shadow(EVERY, table(), query, "code", now_ms=7) is None
