"""``exact`` and ``contains``."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.graders.exact import normalise
from agents.graders.grade import GradeError
from tests.agents.graders.answers import graded


@pytest.mark.parametrize(
    ("text", "value", "grade"),
    [
        ("Paris", "paris", 1),
        ("  Paris.\n", "Paris", 1),
        ('**"Paris"!**', "Paris", 1),
        ("- Paris", "Paris", 1),
        ("\u2014 Paris", "Paris", 1),
        ("(b)", "B", 1),
        ("STRASSE", "Straße", 1),
        ("Cafe\u0301", "Café", 1),
        ("\uff15", "5", 1),
        ("New   York", "new york", 1),
        ("New York City", "New York", 0),
        ("42", 42, 1),
        ("42.0", 42, 0),
        ("-5", "5", 0),
        ("5", "-5", 0),
        ("\u22125", "-5", 1),
        ("5.", "5", 1),
        (".5", "5", 0),
        ("50%", "50", 0),
        ("$3", "3", 0),
        ("C++", "C", 0),
        ("C#", "C++", 0),
        ("C++.", "c++", 1),
        ("«Été»", "été", 1),
        ("", "Paris", 0),
        (None, "Paris", 0),
        ("...", "!!!", 0),
        ("...", "\u2026", 1),
    ],
)
def test_exact(text: str | None, value: Any, grade: float) -> None:
    assert graded("exact", text, value) == grade


@pytest.mark.parametrize(
    ("text", "value", "grade"),
    [
        ("The capital is Paris, of course.", "paris", 1),
        ("Parisian", "Paris", 0),
        ("unparis", "Paris", 0),
        ("It is\nNew\tYork!", "new york", 1),
        ("Use C++ here", "C++", 1),
        ("Use C here", "C++", 0),
        ("a.b", "a+b", 0),
        ("at 42% it", "42%", 1),
        ("420", 42, 0),
        ("the answer: (42)", 42, 1),
        ("东京 塔", "东京", 1),
        (None, "Paris", 0),
    ],
)
def test_contains(text: str | None, value: Any, grade: float) -> None:
    assert graded("contains", text, value) == grade


@pytest.mark.parametrize("kind", ["exact", "contains", "numeric"])
@pytest.mark.parametrize("value", [None, True, ["a"], {"a": 1}])
def test_a_reference_that_is_no_text(kind: str, value: Any) -> None:
    with pytest.raises(GradeError, match=f"reference.value of kind '{kind}' must be a text"):
        graded(kind, "x", value)


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_nothing_can_not_be_contained(value: str) -> None:
    with pytest.raises(GradeError, match="must not be empty"):
        graded("contains", "x", value)


@given(st.text(), st.text())
def test_normalising_twice_changes_nothing_more(text: str, other: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
    assert graded("exact", text, text) == 1
    assert graded("exact", text, other) in (0, 1)


@given(st.text(), st.text().filter(lambda text: normalise(text) != ""))
def test_a_text_contains_itself(text: str, wanted: str) -> None:
    assert graded("contains", wanted, wanted) == 1
    assert graded("contains", f"{text} {wanted} {text}", wanted) in (0, 1)


@pytest.mark.parametrize("piece", ["a", " ", "-", "- ", ".", "(", "1,111", "1", ".5", "-1e"])
@pytest.mark.parametrize("kind", ["exact", "contains", "numeric"])
def test_long_answers_take_no_time(kind: str, piece: str) -> None:
    text = piece * (500_000 // len(piece))
    started = time.process_time()
    assert graded(kind, text, "7") == 0
    assert time.process_time() - started < 2
