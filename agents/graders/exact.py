"""``exact``: the answer is the reference, but for case, spaces and punctuation around it."""

from __future__ import annotations

import re
import unicodedata

from agents.graders.grade import text_value
from schemas.query import Reference
from schemas.response import Response

MOST_MARKS = 30

# What only surrounds an answer. Signs that belong to one stay: -5, .5, 50%, $3, C++, C#.
_QUOTES = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_MARKS = _QUOTES + " .,:;!?\u00a1\u00bf\u2026\u3001\u3002*_()[]{}<>"
_BEFORE = re.compile(rf"^(?:(?!\.\d)[{re.escape(_MARKS)}]|[-\u2013\u2014\u2022](?=\s))+")


def _calmed(text: str) -> str:
    """The text with at most ``MOST_MARKS`` combining marks in a row.

    Composing sorts them, in a time that grows with the square of their number: a megabyte of them
    takes minutes. No language has more (Unicode's own Stream-Safe Text Format).
    """
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def normalise(text: str) -> str:
    """Compatibility-composed, case folded, one space between words, no punctuation at the ends.

    A text of punctuation alone stays as it is.
    """
    if not text.isascii():
        text = _calmed(text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    folded = " ".join(folded.replace("\u2212", "-").split())
    return _BEFORE.sub("", folded).rstrip(_MARKS) or folded


def grade(response: Response, reference: Reference) -> float:
    """1 when both are equal after ``normalise``, else 0."""
    return float(normalise(response.text or "") == normalise(text_value(reference)))
