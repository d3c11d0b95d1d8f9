from __future__ import annotations

import pytest

from agents.graders.choice import grade
from agents.graders.grade import GradeError
from schemas.query import Reference
from schemas.response import Response

PLANETS = ["Mars", "Venus", "The Earth", "Earth"]


def graded(text: str | None, value: object) -> float:
    response = Response(query_id="q", answered_at=0, text=text)
    return grade(response, Reference(kind="choice", value=value))


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "b",
        " (B) ",
        "B.",
        "B)",
        "**B**",
        "**B.** Because it is",
        "B: Venus",
        "The answer is B",
        "the answer is b.",
        "The correct answer is (B).",
        "The answer is: **B**",
        "Answer: b",
        "**Answer:** B",
        "**Answer: B**",
        "Answer - I think it's B",
        r"So \boxed{B}",
        r"\boxed{\text{B}}",
        "I choose option B, since a planet has no A.",
        "Option B is right.",
        "It can't be A. So the answer is B",
        "The answer is A. No, wait: the answer is B.",
        "A is too small, C is too large, which leaves B",
        "(A) no\n(C) no\n(B) yes",
        "The best choice would be B.",
        "The answer is B. A is wrong because a cat has four legs.",
        "Final answer: option B",
    ],
)
def test_understands(text: str) -> None:
    assert graded(text, "B") == 1
    assert graded(text, "b") == 1
    assert graded(text, "A") == 0
    assert graded(text, "C") == 0


@pytest.mark.parametrize(
    "text",
    [
        "A cat sat on a mat.",
        "The answer is a matter of taste.",
        "I think that's right.",
        "Answer: a long story.",
        "I can't say.",
        "",
        None,
        "Abracadabra",
    ],
)
def test_an_article_or_pronoun_is_no_choice(text: str | None) -> None:
    assert [graded(text, letter) for letter in "AI"] == [0, 0]


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "a",
        "A.",
        "(a)",
        "The answer is A",
        "Answer: a",
        "**A**",
        "B is wrong, so it must be A.",
    ],
)
def test_the_letter_a_can_be_chosen(text: str) -> None:
    assert graded(text, "A") == 1


@pytest.mark.parametrize(
    ("text", "answer", "accuracy"),
    [
        ("Venus", "B", 1),
        ("It is venus, of course.", "B", 1),
        ("It is venus, of course.", "Venus", 1),
        ("B", "Venus", 1),
        ("The answer is B", "Mars", 0),
        ("Not Mars but Venus.", "B", 1),
        ("Venus, not Mars", "B", 0),
        ("It's Earth", "D", 1),
        ("It's the Earth", "C", 1),
        ("Marshes", "A", 0),
        ("The answer is X", "A", 0),
    ],
)
def test_takes_an_options_words(text: str, answer: str, accuracy: float) -> None:
    assert graded(text, {"answer": answer, "options": PLANETS}) == accuracy


def test_options_that_are_letters_themselves() -> None:
    assert graded("A", {"answer": "B", "options": ["B", "A"]}) == 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        "BB",
        "",
        7,
        {"answer": "B"},
        {"answer": "E", "options": PLANETS},
        {"answer": "Pluto", "options": PLANETS},
        {"answer": 1, "options": PLANETS},
        {"answer": "A", "options": ["one"]},
        {"answer": "A", "options": "AB"},
        {"answer": "A", "options": ["one", 2]},
    ],
)
def test_refuses_a_value_without_a_right_option(value: object) -> None:
    with pytest.raises(GradeError, match=r"reference\.value of kind 'choice'"):
        graded("A", value)
