"""Grading an answer against its reference: one small pure module per kind, behind one Protocol."""

from __future__ import annotations

from collections.abc import Mapping

from agents.graders import (
    choice,
    code,
    contains,
    embedding,
    exact,
    json_schema,
    numeric,
    order,
    regex,
)
from agents.graders.grade import Grader

GRADERS: Mapping[str, Grader] = {
    "exact": exact.grade,
    "numeric": numeric.grade,
    "contains": contains.grade,
    "regex": regex.grade,
    "choice": choice.grade,
    "json_schema": json_schema.grade,
    "embedding": embedding.grade,
    "order": order.grade,
}
"""By the name that ``reference.kind`` takes; these take well under a millisecond."""

SLOW_GRADERS: Mapping[str, Grader] = {"code": code.grade}
"""These block for up to seconds: in an event loop use ``agents.graders.grading``."""
