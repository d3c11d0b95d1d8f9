"""Answers as OpenAI's replies."""

from __future__ import annotations

from typing import Any

import pytest

from agents.serving.completing import completion, response_headers
from agents.serving.refusals import STATUSES, refusal_of
from schemas.assignment import Decision, ErrorKind
from schemas.response import AnswerError, Response, Usage


def response(**fields: Any) -> Response:
    return Response(**{"query_id": "q", "model": "m", "answered_at": 1, "text": "x", **fields})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("stop", "stop"),
        ("eos_token", "stop"),
        ("stop_sequence", "stop"),
        (None, "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
    ],
)
def test_reasons_are_openais(said: str | None, told: str) -> None:
    assert completion(response(finish_reason=said), 1).choices[0].finish_reason == told


def test_tool_calls_have_an_id_and_their_arguments_as_text() -> None:
    calls = [
        {"function": {"name": "f", "arguments": {"a": 1}}},
        {"id": "c2", "function": {"name": "g", "arguments": "{}"}},
    ]
    (choice,) = completion(response(text=None, tool_calls=calls), 1).choices
    assert choice.finish_reason == "tool_calls"
    found = choice.message.tool_calls or []
    assert [(call.id, call.function.name, call.function.arguments) for call in found] == [
        ("call_0", "f", '{"a":1}'),
        ("c2", "g", "{}"),
    ]
    (one,) = completion(response(text=None, tool_calls=calls), 1, one_call=True).choices
    assert len(one.message.tool_calls or []) == 1


def test_counts_are_what_was_counted() -> None:
    assert completion(response(), 1).usage is None
    usage = completion(response(usage=Usage(prompt_tokens=3)), 1).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (3, 0, 3)


def test_headers_tell_the_decision_and_hold_no_line_breaks() -> None:
    decision = Decision(
        model="m",
        task="t\r\nx: y",
        kind="policy",
        eligible=["m", "n"],
        propensities={"m": 0.25, "n": 0.75},
        rule_version=7,
        reason="",
        decided_at=1,
    )
    assert response_headers(response(decision=decision, attempt=2)) == {
        "x-zeta-query-id": "q",
        "x-zeta-model": "m",
        "x-zeta-attempt": "2",
        "x-zeta-task": "tx: y",
        "x-zeta-rule-version": "7",
        "x-zeta-propensity": "0.25",
    }


@pytest.mark.parametrize("kind", STATUSES)
def test_every_kind_of_error_has_its_status_and_is_the_code(kind: ErrorKind) -> None:
    refusal = refusal_of(AnswerError(kind=kind, message="why"))
    assert (refusal.status, refusal.code, str(refusal)) == (STATUSES[kind], kind, "why")


def test_no_kind_is_forgotten() -> None:
    assert set(STATUSES) == set(ErrorKind.__args__)  # type: ignore[attr-defined]
