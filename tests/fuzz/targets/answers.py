"""What models say: HTTP replies, and answers as the graders read them."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal, TypeAlias

import httpx
import msgspec

from agents.answering import answered, outcome_metric
from agents.classifying import classify
from agents.endpoints.endpoint import Endpoint
from agents.graders import GRADERS
from agents.graders.code import source
from agents.graders.grade import GradeError
from agents.judging import score_in
from agents.model_error import ModelError
from schemas.assignment import Assignment
from schemas.query import Query, Reference
from schemas.response import Response
from schemas.wire import WireError, decode, encode
from tests.fuzz.shaping import Choices, examples_of, shaped
from tests.fuzz.stage import finish, settings
from tests.fuzz.target import Target

Api: TypeAlias = Literal["messages", "generate"]
BODIES: tuple[Any, ...] = (
    {
        "id": "",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "system_fingerprint": "f",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "2"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
    {"choices": [{"message": {"content": None, "tool_calls": [{"id": "1", "type": "function"}]}}]},
    {
        "choices": [{"index": 0, "delta": {"content": "2"}, "finish_reason": None}],
        "usage": None,
    },
    {"choices": [{"delta": {"content": ""}, "finish_reason": "stop"}], "usage": {}},
    {
        "choices": [
            {
                "delta": {
                    "tool_calls": [
                        {"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}
                    ]
                },
                "finish_reason": "stop",
            }
        ]
    },
    {
        "generated_text": "2",
        "details": {"finish_reason": "length", "generated_tokens": 1, "prefill": [], "tokens": []},
    },
    {
        "index": 1,
        "token": {"id": 1, "text": "2", "logprob": -1.0, "special": False},
        "details": {"finish_reason": "eos_token", "generated_tokens": 1, "input_length": 2},
    },
    [[0.5, 0.5]],
    {"data": [{"index": 0, "embedding": [0.5, 0.5]}], "usage": {"prompt_tokens": 1}},
    {"error": "overloaded", "error_type": "overloaded"},
    {"error": {"message": "m", "http_status_code": 422}},
)
STATUSES = (200, 200, 200, 200, 204, 301, 400, 404, 422, 429, 500, 503, 599)
HEADERS: tuple[dict[str, str], ...] = (
    {"content-type": "application/json"},
    {"content-type": "text/event-stream"},
    {"content-type": "application/json; charset=utf-16"},
    {"content-type": "text/plain; charset=nonsense", "retry-after": "nan"},
    {"location": "http://[::1", "retry-after": "1e400"},
    {"location": "file:///x", "retry-after": "-1"},
    {"content-encoding": "gzip"},
)
PREFIXES = (b"", b"data: ", b"data:", b"data: [DONE]\n\n", b"event: x\ndata: ", b"\xef\xbb\xbf")


class _Body(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def _reply(choices: Choices) -> httpx.Response:
    status, headers = choices.of(STATUSES), choices.of(HEADERS)
    pieces: list[bytes] = []
    while choices.left and len(pieces) < 6:
        kind = choices.number(8)
        body = choices.some() if kind == 0 else shaped(choices, BODIES, 3)
        if kind == 1:
            body = choices.of(
                (b"[" * 5000, b'{"choices":[{"message":{"content":"\\ud800"}}]}', b"NaN")
            )
        pieces.append(choices.of(PREFIXES) + body + b"\n\n")
    return httpx.Response(status, headers=headers, stream=_Body(pieces))


@functools.cache
def _endpoint(name: str, api: Api) -> tuple[Endpoint, list[httpx.Response]]:
    replies: list[httpx.Response] = []

    def handle(_: httpx.Request) -> httpx.Response:
        return replies[-1]

    model = msgspec.structs.replace(settings().models[name], api=api)
    return Endpoint(model, None, httpx.MockTransport(handle)), replies


CHAT = Query(query_id="q", prompt="1 + 1")
QUERIES: tuple[tuple[str, Api, Query, bool], ...] = (
    ("only", "messages", CHAT, False),
    ("only", "messages", CHAT, True),
    ("only", "generate", CHAT, False),
    ("only", "generate", CHAT, True),
    ("embed-4b", "messages", Query(query_id="q", input="x"), False),
    ("code-7b", "messages", Query(query_id="q", input=["x"]), False),
)
_EXAMPLE = decode(Assignment, json.dumps(examples_of("models")[0]).encode())


async def _ask(data: bytes) -> None:
    choices = Choices(data)
    name, api, query, streams = choices.of(QUERIES)
    endpoint, replies = _endpoint(name, api)
    replies[:] = [_reply(choices)]

    async def on_text(text: str) -> None:
        text.encode()

    try:
        answer = await endpoint.answer(query, "", 5.0, on_text if streams else None)
    except ModelError as error:
        error.message.encode()
        raise
    assignment = Assignment(
        query=query, task="code", attempt=1, asked_at=1, deadline_at=2, decision=_EXAMPLE.decision
    )
    response = answered(name, settings().models[name], assignment, answer, (1, 2))
    assert decode(Response, encode(response)) == response
    assert response.decision is not None
    encode(outcome_metric(response, response.decision))


def model_reply(data: bytes) -> None:
    """A model server's status, headers and body: an answer that can be read, or ModelError."""
    finish(_ask(data))


_SCHEMA = {
    "type": "object",
    "properties": {"a": {"pattern": "^x*$"}},
    "patternProperties": {"b": {}},
}
REFERENCES: tuple[Any, ...] = (
    {"value": _SCHEMA, "tolerance": 0.5},
    {"value": {"$ref": "#", "$schema": "https://json-schema.org/draft/2020-12/schema"}},
    {"value": {"type": "array", "items": {"enum": [1]}, "minItems": 1, "uniqueItems": True}},
    {"value": {"answer": "A", "options": ["x", "y"]}},
    *({"value": value, "tolerance": 0.1} for value in ("B", "12.5", "(a+)+$", [0.5, 0.5], 7)),
)
ANSWERS = ("", "The answer is B.", '{"a": "xxx"}', "```json\n{}\n```", "1,234.5e9", "**A**", "ſ́́")


def graders(data: bytes) -> None:
    """A reference and an answer: a grade, or GradeError."""
    choices = Choices(data)
    kind = choices.of(tuple(GRADERS))
    said = json.loads(shaped(choices, REFERENCES, 3))
    fields = said if isinstance(said, dict) else {"value": said}
    raw = json.dumps({"kind": kind, **fields}).encode("utf-8", "replace")
    reference = decode(Reference, raw)
    rows: Any = choices.of(
        ([[0.5, 0.5]], [[0.0, 1.0], [1.0, 0.0], [1e308, -1e308]], [], [[1], [], [2]])
    )
    text = choices.of(ANSWERS) + choices.rest().decode("utf-8", "replace")
    response = Response(query_id="q", text=text, embeddings=rows, answered_at=1)
    grade = GRADERS[kind](response, reference)
    assert 0 <= grade <= 1, grade


def readers_of_text(data: bytes) -> None:
    """The classifier, the judge's score, the code in an answer: never raise."""
    text = data.decode("utf-8", "replace")
    classify(settings(), Query(prompt=text))
    score_in(text)
    source(text)


def _grades() -> Iterator[bytes]:
    for number in range(len(GRADERS)):
        for reference in range(len(REFERENCES)):
            yield bytes([number, reference, 0, 0, 0, 1])


def _replies() -> Iterator[bytes]:
    for query in range(len(QUERIES)):
        for body in range(len(BODIES)):
            yield bytes([query, 0, query == 1, 2, body, 0, 0, query == 1])


TARGETS = (
    Target("model-reply", model_reply, (ModelError,), _replies, most_bytes=512),
    Target("graders", graders, (GradeError, WireError), _grades, most_bytes=2048),
    Target(
        "readers-of-text",
        readers_of_text,
        seeds=lambda: [b"def f(x):\n", b"8/10", b"```py\n1\n```"],
    ),
)
