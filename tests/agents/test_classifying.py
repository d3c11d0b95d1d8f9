"""The task of a query that names none."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.classifying import classify
from schemas.query import Message, Query
from tests.agents.routing_parts import SETTINGS

WITHOUT_CODE = msgspec.structs.replace(
    SETTINGS, tasks={name: task for name, task in SETTINGS.tasks.items() if name == "reasoning"}
)


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Write a Python script that sorts a list", "code"),
        ("fix this: ```x = 1```", "code"),
        ("def add(a, b): return a + b", "code"),
        ("Why does foo(bar); segfault?", "code"),
        ("if (a == b) a += 1", "code"),
        ("Refactor the loop", "code"),
        ("SELECT is an SQL keyword", "code"),
        ("What does this stack trace mean?", "code"),
        ("Translate C++ to Rust", "code"),
        ("Is C++ faster?", "code"),
        ("Is C# a language?", "code"),
        ("const x = 3;", "code"),
        ("fn main() -> i32", "code"),
        ("std::vector of what?", "code"),
        ("What is the capital of France?", "reasoning"),
        ("If 3 apples cost 6 euros, what do 5 cost?", "reasoning"),
        ("Who wrote Faust (and when)?", "reasoning"),
        ("Is 7 > 5 and 2 < 3?", "reasoning"),
        ("Rustic furniture, or trusty javelins?", "reasoning"),
        ("We return on Monday", "reasoning"),
        ("Grade C is bad", "reasoning"),
        ("", "reasoning"),
        ("x" * 4000 + " python", "reasoning"),
    ],
)
def test_texts(text: str, task: str) -> None:
    assert classify(SETTINGS, Query(prompt=text)) == task
    assert classify(SETTINGS, Query(messages=[Message(role="user", content=text)])) == task


def test_a_task_that_is_named_is_taken_even_when_there_is_none_like_it() -> None:
    assert classify(SETTINGS, Query(prompt="def f(): pass", task="poetry")) == "poetry"


def test_inputs_are_to_be_embedded() -> None:
    assert classify(SETTINGS, Query(input="def f(): pass")) == "embedding"
    assert classify(WITHOUT_CODE, Query(input="x")) == "reasoning"


def test_without_a_task_for_code_there_is_no_code() -> None:
    assert classify(WITHOUT_CODE, Query(prompt="def f(): pass")) == "reasoning"


def test_all_messages_are_read() -> None:
    messages = [
        Message(role="assistant"),
        Message(role="user", content="in python"),
        Message(role="user", content="why?"),
    ]
    assert classify(SETTINGS, Query(messages=messages)) == "code"


@given(st.text())
def test_no_text_crashes_it(text: str) -> None:
    assert classify(SETTINGS, Query(prompt=text)) in ("code", "reasoning")


@pytest.mark.parametrize(
    "piece", ["def ", "a", "a(", "f(aaaa", "public ", "a ", " ", "[", "(", "a\t", "-", "=", "c+"]
)
def test_no_text_holds_up_the_router(piece: str) -> None:
    """The slowest of these take a millisecond; with unbounded repetitions it was twenty."""
    query = Query(prompt=piece * (1_000_000 // len(piece)))
    assert min(_seconds(query) for _ in range(7)) < 0.01


def _seconds(query: Query) -> float:
    started = time.process_time()
    classify(SETTINGS, query)
    return time.process_time() - started
