"""Requests as queries: names of models, messages, parameters, dimensions, sizes."""

from __future__ import annotations

from typing import Any

import pytest

from agents.serving.bodies import ChatMessage, ChatRequest, EmbeddingRequest, TextPart
from agents.serving.hints import Hints, read_hints
from agents.serving.naming import names
from agents.serving.querying import chat_query, check_size, embedding_query, longest_wait_s
from agents.serving.refusals import Refusal
from schemas.query import Query
from streams.settings import Model, Routing, Settings, Task


def vectors(space: str, dimension: int) -> Model:
    return Model(
        endpoint="http://h",
        protocol="tei",
        serves=["embedding"],
        vector_space=space,
        dimension=dimension,
    )


CHAT = Model(endpoint="http://h", protocol="tgi", serves=["chat"])
SETTINGS = Settings(
    models={"a": CHAT, "b": CHAT, "lone": CHAT, "v8": vectors("x", 8), "v4": vectors("y", 4)},
    tasks={
        "code": Task(candidates=["a", "b"], time_limit_s=30),
        "reasoning": Task(candidates=["b"], time_limit_s=90),
        "embedding": Task(needs="embedding", time_limit_s=5),
    },
    routing=Routing(default_task="code"),
)
NO_HINTS = Hints()
USER = [ChatMessage(role="user", content="x")]


def chat(model: str = "auto", hints: Hints = NO_HINTS, **fields: Any) -> Query:
    request = ChatRequest(model=model, **{"messages": USER, **fields})
    return chat_query(SETTINGS, request, hints, "q", "me")


def vector(model: str = "auto", **fields: Any) -> Query:
    return embedding_query(
        SETTINGS, EmbeddingRequest(model=model, input="x", **fields), Hints(), "q", "me"
    )


@pytest.mark.parametrize(
    ("model", "task", "models"),
    [
        ("auto", None, None),
        ("auto:reasoning", "reasoning", None),
        ("b", None, ["b"]),  # a candidate of every chat task: the classifier may say
        ("a", "code", ["a"]),
    ],
)
def test_a_name_says_who_may_answer(model: str, task: str | None, models: list[str] | None) -> None:
    query = chat(model)
    assert (query.task, query.models, query.reply_to) == (task, models, "me")


@pytest.mark.parametrize("model", ["gpt-4o", "auto:other", "auto:embedding", "v8", "lone", ""])
def test_any_other_name_is_not_found(model: str) -> None:
    with pytest.raises(Refusal) as refused:
        chat(model)
    assert (refused.value.status, refused.value.code) == (404, "model_not_found")


def test_a_header_names_the_task() -> None:
    assert chat("auto", Hints(task="code")).task == "code"
    assert chat("b", Hints(task="reasoning")).task == "reasoning"
    for model, task in (("auto:code", "reasoning"), ("a", "reasoning"), ("auto", "embedding")):
        with pytest.raises(Refusal) as refused:
            chat(model, Hints(task=task))
        assert (refused.value.status, refused.value.param) == (400, "x-zeta-task")


def test_all_names() -> None:
    auto = ["auto", "auto:code", "auto:reasoning", "auto:embedding"]
    assert list(names(SETTINGS)) == [*auto, "a", "b", "lone", "v8", "v4"]


def test_texts_in_parts_become_lines() -> None:
    parts = [TextPart(type="text", text="one"), TextPart(type="text", text="two")]
    (message,) = chat(messages=[ChatMessage(role="user", content=parts)]).messages or []
    assert message.content == "one\ntwo"


def test_parameters_travel() -> None:
    found = chat(stop="end", max_completion_tokens=5, response_format={"type": "text"}).parameters
    assert (found.stop, found.max_tokens, found.response_format) == (["end"], 5, None)
    with pytest.raises(Refusal, match="logprobs is not supported"):
        chat(logprobs=True)
    with pytest.raises(Refusal, match="differ"):
        chat(max_tokens=4, max_completion_tokens=5)


@pytest.mark.parametrize(
    ("model", "dimensions", "models"),
    [("auto", None, None), ("auto", 8, ["v8"]), ("auto", 4, ["v4"]), ("v8", 8, ["v8"])],
)
def test_dimensions_choose_among_models(
    model: str, dimensions: int | None, models: list[str] | None
) -> None:
    assert vector(model, dimensions=dimensions).models == models


@pytest.mark.parametrize(("model", "dimensions"), [("auto", 5), ("v8", 4)])
def test_dimensions_that_nobody_has_are_refused(model: str, dimensions: int) -> None:
    with pytest.raises(Refusal) as refused:
        vector(model, dimensions=dimensions)
    assert refused.value.param == "dimensions"


def test_sizes() -> None:
    check_size(chat(), 10_000)
    with pytest.raises(Refusal) as refused:
        check_size(chat(messages=[ChatMessage(role="user", content="x" * 10_000)]), 10_000)
    assert refused.value.status == 413
    with pytest.raises(Refusal) as unwritable:
        check_size(chat(messages=[ChatMessage(role="user", content="\ud800")]), 10_000)
    assert unwritable.value.status == 400


def test_waits_are_the_querys_the_tasks_or_the_longest() -> None:
    waits = [
        longest_wait_s(SETTINGS, query)
        for query in (
            chat("auto", Hints(time_limit_s=2)),
            chat("auto:code"),
            chat("auto"),
        )
    ]
    assert waits == [2, 30, 90]


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "a", "", "86401"])
def test_a_time_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_hints({"x-zeta-time-limit-s": text})
    assert refused.value.param == "x-zeta-time-limit-s"


def test_hints() -> None:
    read = read_hints(
        {"x-zeta-time-limit-s": "1.5", "x-zeta-session": " s ", "x-zeta-task": "code"}
    )
    assert read == Hints("code", "s", 1.5)
    for session in ("\udcff", "a\x07", "x" * 1001):
        with pytest.raises(Refusal):
            read_hints({"x-zeta-session": session})
