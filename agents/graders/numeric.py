"""``numeric``: the last number in the answer is the reference, within a tolerance."""

from __future__ import annotations

import math
import re

from agents.graders.grade import GradeError, text_value
from schemas.query import Reference
from schemas.response import Response

DEFAULT_TOLERANCE = 1e-6

# A hyphen after a digit or a letter is a dash (3-5, 2024-05-06, top-3), not a minus sign.
_NUMBER = re.compile(
    r"(?:(?<![\w.])[-+\u2212])?"
    r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?:[eE][-+]?\d+)?"
)


def last_number(text: str) -> float | None:
    """The last number in a text; commas between thousands are understood."""
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "").replace("\u2212", "-")) if found else None


def grade(response: Response, reference: Reference) -> float:
    """1 when they differ by at most ``tolerance`` (absolute, or times the reference), else 0."""
    wanted = last_number(text_value(reference))
    if wanted is None or math.isinf(wanted):
        raise GradeError(f"reference.value of kind 'numeric' has no number: {reference.value!r}")
    given = last_number(response.text or "")
    tolerance = DEFAULT_TOLERANCE if reference.tolerance is None else reference.tolerance
    return float(
        given is not None and math.isclose(given, wanted, rel_tol=tolerance, abs_tol=tolerance)
    )
