"""``regex``: the pattern of the reference matches somewhere in the answer."""

from __future__ import annotations

from agents.graders.grade import text_value
from agents.graders.linear import found
from schemas.query import Reference
from schemas.response import Response


def grade(response: Response, reference: Reference) -> float:
    """1 when ``reference.value``, a pattern in RE2's syntax, matches in the answer; else 0.

    No pattern can hold up the grader: the time is linear in the answer's length.

    Raises:
        GradeError: a bad pattern, which the message holds.
    """
    return float(found(text_value(reference), response.text or ""))
