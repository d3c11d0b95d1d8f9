"""Grading an answer against its reference: one small pure module per kind, behind one Protocol."""

from __future__ import annotations

from collections.abc import Mapping

from agents.graders import contains, exact, numeric, order
from agents.graders.grade import Grader

GRADERS: Mapping[str, Grader] = {
    "exact": exact.grade,
    "numeric": numeric.grade,
    "contains": contains.grade,
    "order": order.grade,
}
"""By the name that ``reference.kind`` takes."""
