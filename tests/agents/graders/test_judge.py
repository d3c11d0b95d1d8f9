"""Which answers are graded, and by what."""

from __future__ import annotations

import pytest

from agents.grader import judge
from agents.graders import GRADERS
from agents.graders.grade import GradeError
from schemas.query import Reference
from schemas.response import AnswerError, Response
from tests.agents.graders.answers import DECISION, answer

REFERENCE = Reference(kind="exact", value="Paris")


def test_an_answer_with_a_reference_is_graded() -> None:
    metric = judge(answer("paris!", reference=REFERENCE, decision=DECISION))
    assert metric is not None
    assert (metric.accuracy, metric.grader, metric.model) == (1.0, "exact", "a")


@pytest.mark.parametrize(
    "response",
    [
        answer("Paris", decision=DECISION),
        answer("Paris", reference=REFERENCE),
        answer(
            reference=REFERENCE, decision=DECISION, error=AnswerError(kind="timeout", message="")
        ),
    ],
    ids=["no reference", "no decision", "an error"],
)
def test_what_is_not_graded(response: Response) -> None:
    assert judge(response) is None


def test_an_unknown_kind_of_reference() -> None:
    response = answer("x", reference=Reference(kind="vibes"), decision=DECISION)
    known = ", ".join(GRADERS)
    with pytest.raises(GradeError, match=f"'vibes' has no grader; kinds are {known}"):
        judge(response)
