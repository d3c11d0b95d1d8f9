"""``exact``: the answer is the reference, but for case, spaces and punctuation around it."""

from __future__ import annotations

import re
import unicodedata

from agents.graders.grade import text_value
from schemas.query import Reference
from schemas.response import Response

_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def normalise(text: str) -> str:
    """Compatibility-composed, case folded, one space between words, no punctuation at the ends.

    A text of punctuation alone stays as it is.
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return _EDGES.sub("", folded) or folded


def grade(response: Response, reference: Reference) -> float:
    """1 when both are equal after ``normalise``, else 0."""
    return float(normalise(response.text or "") == normalise(text_value(reference)))
