"""Answers for graders."""

from __future__ import annotations

from typing import Any

from agents.graders import GRADERS
from schemas.assignment import Decision
from schemas.query import Reference
from schemas.response import Response

DECISION = Decision(
    model="a",
    task="code",
    kind="policy",
    eligible=["a"],
    propensities={"a": 1.0},
    rule_version=1,
    reason="",
    decided_at=0,
)


def answer(text: str | None = None, **fields: Any) -> Response:
    """A response with this text."""
    return Response(query_id="q", model="a", attempt=1, text=text, answered_at=0, **fields)


def graded(kind: str, text: str | None, value: Any, tolerance: float | None = None) -> float:
    """The grade of a text."""
    reference = Reference(kind=kind, value=value, tolerance=tolerance)
    return GRADERS[kind](answer(text), reference)


def ordered(*rows: list[float]) -> float:
    """The grade of these vectors."""
    return GRADERS["order"](answer(embeddings=list(rows)), Reference(kind="order"))
