"""The judge: which answers, what it is asked, what its reply means, and what it may cost."""

from __future__ import annotations

from typing import Any

import pytest

from agents.judging import Budget, can_judge, is_sampled, judge_query, score_in
from schemas.query import Query, Reference
from schemas.response import AnswerError, Response
from streams.sections import TaskReference
from streams.settings import Judge, Model, Settings, Task

HOUR_S = 3600.0


def settings(**judge: Any) -> Settings:
    model = Model(endpoint="http://j", protocol="tgi", serves=["chat"])
    graded = Task(reference=TaskReference(kind="regex", value="x"))
    return Settings(
        models={"j": model},
        tasks={"code": Task(), "graded": graded},
        judge=Judge(**{"model": "j", "share": 1.0, **judge}),
    )


def sampled(settings: Settings, number: int = 0, task: str = "code", **fields: Any) -> bool:
    asked: dict[str, Any] = {"attempt": 1, "reference": None, **fields}
    return is_sampled(settings, query_id=f"q{number}", task=task, **asked)


def test_the_share_of_answers_that_are_sampled() -> None:
    half = settings(share=0.3)
    chosen = [sampled(half, number) for number in range(4000)]
    assert sum(chosen) / len(chosen) == pytest.approx(0.3, abs=0.03)
    assert chosen == [sampled(half, number) for number in range(4000)], "alike at a redelivery"
    assert not any(sampled(settings(share=0.0), number) for number in range(100))
    assert all(sampled(settings(), number) for number in range(100))


def test_which_answers_it_is_a_share_of() -> None:
    reference = Reference(kind="exact", value="x")
    assert not sampled(settings(), reference=reference)
    assert not sampled(settings(), task="graded"), "its task has a reference"
    listed = settings(tasks=["code"])
    assert sampled(listed, reference=reference)
    assert not sampled(listed, task="other")
    assert not sampled(settings(model=""))


def response(**fields: Any) -> Response:
    query = Query(query_id="q", prompt="What is {answer}?")
    made: dict[str, Any] = {"text": "42 {question}", "model": "m", "query": query, **fields}
    return Response(query_id="q", answered_at=1, **made)


def test_it_judges_texts_of_others_whose_question_is_known() -> None:
    judge = settings().judge
    assert can_judge(judge, response())
    assert not can_judge(judge, response(model="j"))
    assert not can_judge(judge, response(query=None))
    assert not can_judge(judge, response(text=None))
    assert not can_judge(judge, response(error=AnswerError(kind="timeout", message="")))


def test_an_answer_with_braces_stays_as_it_is() -> None:
    judge = settings(prompt="Q {question} A {answer} {0} {}", max_tokens=3).judge
    query = judge_query(judge, response())
    assert query.prompt == "Q What is {answer}? A 42 {question} {0} {}"
    assert (query.parameters.temperature, query.parameters.max_tokens) == (0.0, 3)


@pytest.mark.parametrize(
    ("reply", "accuracy"),
    [
        ("7", 0.7),
        (" 10\n", 1.0),
        ("0", 0.0),
        ("8.5", 0.85),
        ("Score: 3.", 0.3),
        ("9/10", 0.9),
        ("I give it 6 / 10.", 0.6),
        ("10/10", 1.0),
        ("7. Yes, 7.", 0.7),
        ("11", None),
        ("", None),
        ("none", None),
        ("7 or 8", None),
        ("-3", None),
        ("80%", None),
        ("gpt4", None),
    ],
)
def test_the_score_in_a_reply(reply: str, accuracy: float | None) -> None:
    assert score_in(reply) == accuracy


@pytest.mark.parametrize("calls", [0, 1, 2, 7, 60, 1000])
@pytest.mark.parametrize("every_s", [0.0, 0.5, 13.0])
def test_within_any_hour_no_more_calls_than_the_budget(calls: int, every_s: float) -> None:
    budget = Budget(calls, 0.0)
    times = [number * every_s for number in range(20_000 if every_s else 2000)]
    taken = [at for at in times if budget.take(at)]
    # An hour that begins with a call has no more calls than this.
    assert all(later - first >= HOUR_S for first, later in zip(taken, taken[calls:], strict=False))
    assert bool(taken) == bool(calls)
    if every_s == 13.0 and calls > 1:
        hours = 20_000 * every_s / HOUR_S
        assert len(taken) > min(calls * 0.45, HOUR_S / every_s * 0.99) * (hours - 1)


def test_processes_share_the_budget() -> None:
    halves = [Budget(60, 0.0, 0.5), Budget(60, 0.0)]
    halves[1].set_share(0.5, 0.0)
    for half in halves:
        assert sum(half.take(number / 10) for number in range(36_000)) <= 30
    halves[0].set_share(0.0, 4000.0)
    assert not halves[0].take(40_000.0)


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    budget = Budget(10, 100.0)
    assert budget.take(100.0)
    assert not budget.take(100.0)
    assert not budget.take(50.0)
