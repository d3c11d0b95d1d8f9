"""Bodies: what is taken, and what is refused by which name."""

from __future__ import annotations

import pytest

from agents.serving.bodies import ChatRequest, FeedbackRequest
from agents.serving.reading import DEEPEST, read
from agents.serving.refusals import Refusal

CHAT = '{"model":"auto","messages":[{"role":"user","content":"x"}]%s}'


@pytest.mark.parametrize(
    "more",
    [
        ',"n":1,"logprobs":null,"top_logprobs":0,"logit_bias":{},"audio":null,"modalities":["text"]',
        ',"user":"u","store":true,"metadata":{"a":"b"},"service_tier":"auto"',
        ',"parallel_tool_calls":false,"stream_options":{"include_usage":true}',
        ',"stop":"a"',
        ',"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]',
    ],
)
def test_what_is_harmless_is_taken(more: str) -> None:
    assert read(ChatRequest, (CHAT % more).encode()).model == "auto"


@pytest.mark.parametrize(
    ("more", "code", "param"),
    [
        (',"n":2', "invalid_value", "n"),
        (',"audio":{"voice":"alloy"}', "unsupported_parameter", "audio"),
        (',"logit_bias":{"1":2}', "invalid_value", "logit_bias"),
        (',"best_of":2', "unknown_parameter", "best_of"),
        (',"temperature":3', "invalid_value", "temperature"),
        (',"stream_options":{"x":1}', "unknown_parameter", "stream_options.x"),
        (',"stop":1', "invalid_value", "stop"),
    ],
)
def test_what_is_not_is_refused_by_its_name(more: str, code: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(ChatRequest, (CHAT % more).encode())
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, code, param)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b'{"model": "\xff"}', "invalid_json", None),
        (b"[" * 100_000, "invalid_value", None),
        (b'{"tools":[{"a":' + b"[" * 100_000, "invalid_json", None),
        (b"[]", "invalid_value", None),
        (b'{"model":"auto"}', "missing_required_parameter", "messages"),
        (b'{"model":"auto","messages":[]}', "invalid_value", "messages"),
        (
            b'{"model":"a","messages":[{"role":"user","content":[{"type":"image_url"}]}]}',
            "invalid_value",
            "messages[0].content[0].type",
        ),
        (
            b'{"model":"a","messages":[{"role":"user","wherefore":1}]}',
            "unknown_parameter",
            "messages[0].wherefore",
        ),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        read(ChatRequest, body)
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, code, param)
    error = refused.value.reply.error
    assert (error.type, error.code) == ("invalid_request_error", code)


def test_depth_is_bounded() -> None:
    def nested(levels: int) -> bytes:
        return (CHAT % f',"response_format":{"{"}"a":{"[" * levels}{"]" * levels}{"}"}').encode()

    assert read(ChatRequest, nested(DEEPEST - 10)).response_format
    with pytest.raises(Refusal, match="nested deeper"):
        read(ChatRequest, nested(DEEPEST + 10))


def test_feedback_names_its_answer_once() -> None:
    assert read(FeedbackRequest, b'{"id":"chatcmpl-1","score":1}').id == "chatcmpl-1"
    for body in (b'{"score":1}', b'{"score":1,"id":"a","query_id":"a"}', b'{"score":2,"id":"a"}'):
        with pytest.raises(Refusal):
            read(FeedbackRequest, body)
