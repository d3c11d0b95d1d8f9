"""``contains``: the reference occurs in the answer, as whole words."""

from __future__ import annotations

import re

from agents.graders.exact import normalise
from agents.graders.grade import GradeError, text_value
from schemas.query import Reference
from schemas.response import Response


def grade(response: Response, reference: Reference) -> float:
    """1 when the normalised reference stands in the normalised answer, not inside a word."""
    wanted = normalise(text_value(reference))
    if not wanted:
        raise GradeError("reference.value of kind 'contains' must not be empty")
    pattern = rf"(?<!\w){re.escape(wanted)}(?!\w)"
    return float(re.search(pattern, normalise(response.text or "")) is not None)
