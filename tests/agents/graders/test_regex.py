from __future__ import annotations

import time

import pytest

from agents.graders.grade import GradeError
from agents.graders.regex import grade
from schemas.query import Reference
from schemas.response import Response


def graded(text: str | None, pattern: object) -> float:
    response = Response(query_id="q", answered_at=0, text=text)
    return grade(response, Reference(kind="regex", value=pattern))


@pytest.mark.parametrize(
    ("text", "pattern", "accuracy"),
    [
        ("The year was 1969.", r"\b19\d\d\b", 1),
        ("The year was 2069.", r"\b19\d\d\b", 0),
        ("one\nTWO", r"(?im)^two$", 1),
        ("one\nTWO", r"^two$", 0),
        ("größer", "ö", 1),
        ("", "^$", 1),
        (None, "x", 0),
    ],
)
def test_searches(text: str | None, pattern: str, accuracy: float) -> None:
    assert graded(text, pattern) == accuracy


@pytest.mark.parametrize("pattern", ["(", "[z-a]", r"(a)\1", "(?<=a)b", "(?:a{1000}){1000}"])
def test_names_a_bad_pattern(pattern: str) -> None:
    with pytest.raises(GradeError) as caught:
        graded("x", pattern)
    assert repr(pattern) in str(caught.value)


def test_refuses_what_is_no_text() -> None:
    with pytest.raises(GradeError):
        graded("x", ["a"])


def test_no_pattern_takes_for_ever() -> None:
    """Backtracking engines need 2**40 steps and more for these."""
    begun = time.process_time()
    assert graded("a" * 40 + "!", r"^(a+)+$") == 0
    assert graded("a" * 100_000 + "!", r"(a|a|aa)*(a*)*$\bb") == 0
    assert time.process_time() - begun < 2
