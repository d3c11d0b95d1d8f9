"""Which answers are graded, and by what."""

from __future__ import annotations

import pytest

from agents.references import reference_of
from schemas.query import Reference
from schemas.response import AnswerError, Response
from streams.sections import TaskReference
from streams.settings import Settings, Task
from tests.agents.graders.answers import DECISION, answer

REFERENCE = Reference(kind="exact", value="Paris")
DEFAULT = Settings(tasks={DECISION.task: Task(reference=TaskReference(kind="regex", value="x"))})


def test_an_answer_is_graded_by_its_querys_reference() -> None:
    response = answer("paris!", reference=REFERENCE, decision=DECISION)
    assert reference_of(Settings(), response) == REFERENCE
    assert reference_of(DEFAULT, response) == REFERENCE


def test_one_without_is_graded_by_its_tasks() -> None:
    response = answer("paris!", decision=DECISION)
    assert reference_of(DEFAULT, response) == Reference(kind="regex", value="x")
    assert reference_of(Settings(tasks={"other": Task()}), response) is None


@pytest.mark.parametrize(
    "response",
    [
        answer("Paris", reference=REFERENCE),
        answer(
            reference=REFERENCE, decision=DECISION, error=AnswerError(kind="timeout", message="")
        ),
    ],
    ids=["no decision", "an error"],
)
def test_what_is_not_graded(response: Response) -> None:
    assert reference_of(DEFAULT, response) is None
