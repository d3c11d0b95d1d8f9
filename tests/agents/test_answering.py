"""Answers that are errors, and the metrics of attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answering import (
    cost_usd,
    error_answer,
    failure_metric,
    judgement_metric,
    outcome_metric,
    seconds_between,
)
from schemas.assignment import Assignment, Decision
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import AnswerError, Response, Usage
from schemas.wire import decode, encode
from streams.settings import Model

QUERY = Query(query_id="q", prompt="x", task="code", session="s", reply_to="r")
DECISION = Decision(
    model="a",
    task="code",
    kind="policy",
    eligible=["a", "b"],
    propensities={"a": 0.75, "b": 0.25},
    rule_version=4,
    reason="why",
    decided_at=2_000,
)
ASSIGNMENT = Assignment(
    query=QUERY, task="code", attempt=2, asked_at=1_000, deadline_at=9_000, decision=DECISION
)
ANSWER = Response(
    query_id="q",
    task="code",
    model="a",
    attempt=2,
    text="x",
    usage=Usage(prompt_tokens=3, completion_tokens=5),
    cost_usd=0.25,
    decision=DECISION,
    answered_at=4_500,
    session="s",
)


def test_an_error_answer_to_an_assignment_says_all_that_is_known() -> None:
    answer = error_answer(ASSIGNMENT, "timeout", "too slow", 4_000)
    assert (answer.query_id, answer.task, answer.model, answer.attempt) == ("q", "code", "a", 2)
    assert answer.error == AnswerError(kind="timeout", message="too slow")
    assert answer.timings.total_s == 3.0
    assert answer.decision == DECISION
    assert (answer.session, answer.reply_to, answer.answered_at) == ("s", "r", 4_000)
    assert decode(Response, encode(answer)) == answer


@pytest.mark.parametrize(("source", "task", "reply_to"), [(QUERY, "code", "r"), ("q", None, None)])
def test_an_error_answer_without_an_assignment(
    source: Query | str, task: str | None, reply_to: str | None
) -> None:
    answer = error_answer(source, "invalid", "no", 4_000, asked_at=1_500)
    assert (answer.query_id, answer.task, answer.reply_to) == ("q", task, reply_to)
    assert (answer.model, answer.attempt, answer.decision) == (None, 0, None)
    assert answer.timings.total_s == 2.5


@given(st.none() | st.integers(0, 2**60), st.integers(0, 2**60))
def test_no_time_is_negative(started_at: int | None, ended_at: int) -> None:
    assert seconds_between(started_at, ended_at) >= 0


def test_costs_are_per_million_tokens() -> None:
    model = Model(protocol="tgi", serves=["chat"], input_price=2.0, output_price=10.0)
    assert cost_usd(model, Usage(prompt_tokens=500_000, completion_tokens=1000)) == 1.01
    assert cost_usd(model, Usage()) == 0


def test_the_outcome_of_an_answer() -> None:
    assert outcome_metric(ANSWER, DECISION) == Metric(
        query_id="q",
        attempt=2,
        model="a",
        task="code",
        kind="outcome",
        ok=True,
        response_time_s=2.5,
        prompt_tokens=3,
        completion_tokens=5,
        cost_usd=0.25,
        propensity=0.75,
        rule_version=4,
        session="s",
        decided_at=2_000,
        observed_at=4_500,
    )


def test_the_outcome_of_a_failure_that_is_handed_on_blames_the_model_that_failed() -> None:
    metric = failure_metric(ASSIGNMENT, "timeout", 8_000)
    assert (metric.ok, metric.error, metric.model, metric.attempt) == (False, "timeout", "a", 2)
    assert (metric.response_time_s, metric.observed_at) == (6.0, 8_000)
    assert decode(Metric, encode(metric)) == metric


def test_a_grade() -> None:
    metric = judgement_metric(ANSWER, DECISION, "exact", 0.5)
    assert (metric.kind, metric.grader, metric.accuracy, metric.trust) == (
        "judgement",
        "exact",
        0.5,
        1.0,
    )
    assert metric.observed_at == 4_500  # of the answer, so that a redelivery gives equal bytes
    assert metric.identity != outcome_metric(ANSWER, DECISION).identity
    assert decode(Metric, encode(metric)) == metric
