"""``numeric``: which number an answer gives, and how near it must be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.graders.grade import GradeError
from agents.graders.numeric import last_number
from tests.agents.graders.answers import graded


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The answer is 42.", 42),
        ("first 3, then 4", 4),
        ("1.", 1),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1e3", 1000),
        (".5e3", 500),
        ("1.5E-3.", 0.0015),
        ("-7", -7),
        ("\u22127", -7),
        ("+7", 7),
        ("x=-5", -5),
        ("(-3)", -3),
        ("5 - 3", 3),
        ("3-5", 5),
        ("5\u20137", 7),
        ("top-3", 3),
        ("2024-05-06", 6),
        ("1/2", 2),
        ("50%", 50),
        ("$1,000.00", 1000),
        ("1,234,567", 1_234_567),
        ("1,234.5", 1234.5),
        ("10,20", 20),
        ("1,2345", 2345),
        ("\\boxed{17}", 17),
        ("**17**", 17),
        ("\u0663\u0664", 34),
        ("none", None),
        ("", None),
        ("-", None),
        ("e5", 5),
    ],
)
def test_the_last_number(text: str, number: float | None) -> None:
    assert last_number(text) == number


@pytest.mark.parametrize(
    ("text", "value", "tolerance", "grade"),
    [
        ("so 3.14", 3.14, None, 1),
        ("so 3.14", "3.14159", None, 0),
        ("so 3.14", "3.14159", 0.01, 1),
        ("101", 100, 0.01, 1),
        ("102", 100, 0.01, 0),
        ("0.005", 0, 0.01, 1),
        ("-5", 5, None, 0),
        ("5", 5, 0, 1),
        ("1000", "1,000", None, 1),
        ("no number", 5, None, 0),
        (None, 5, None, 0),
        ("1e999", 5, None, 0),
        ("9" * 5000, 5, None, 0),
    ],
)
def test_numeric(text: str | None, value: Any, tolerance: float | None, grade: float) -> None:
    assert graded("numeric", text, value, tolerance) == grade


@pytest.mark.parametrize("value", ["none", "", "1e999"])
def test_a_reference_without_a_number(value: str) -> None:
    with pytest.raises(GradeError, match=r"reference.value of kind .numeric. has no number"):
        graded("numeric", "1", value)


@given(st.text(), st.text("0123456789.,-+eE \u2212%\u0663"))
def test_no_text_crashes_it(text: str, numbers: str) -> None:
    assert graded("numeric", text, 1) in (0, 1)
    assert graded("numeric", numbers, 1) in (0, 1)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_back(number: float) -> None:
    assert last_number(f"It is {number!r}.") == number
    assert graded("numeric", f"= {number!r}", number) == 1


@given(st.integers(-(10**15), 10**15))
def test_thousands_are_read_back(number: int) -> None:
    assert last_number(f"about {number:,}") == number
