"""The span of a model's call."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from agents.call_span import model_call
from agents.model_error import ModelError
from agents.reply import Answer
from schemas.query import Query
from schemas.response import Usage
from streams.settings import Model
from streams.tracing import Asking, Tracing

MODEL = Model(
    endpoint="https://models.example/v1",
    protocol="openai",
    serves=["chat", "embedding"],
    served_name="org/model-7b",
)


def test_a_call_says_what_was_asked_and_what_came(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    answer = Answer(
        text="4",
        finish_reason="stop",
        usage=Usage(prompt_tokens=7, completion_tokens=1),
        first_token_s=0.25,
    )
    query = Query(query_id="q", prompt="2 + 2")
    with Asking(tracing, "ask", "q"), model_call("m", MODEL, query) as call:
        call.answered(answer)
    span, ask = exporter.get_finished_spans()
    assert (span.name, span.kind, span.parent) == ("chat m", SpanKind.CLIENT, ask.context)
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "org/model-7b",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 1,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.25,
        "server.address": "models.example",
        "server.port": 443,
        "zeta.model": "m",
    }


def test_a_call_that_fails_says_how(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    query = Query(query_id="q", input="a text")
    with Asking(tracing, "ask", "q"), pytest.raises(ModelError), model_call("m", MODEL, query):
        raise ModelError("timeout", "no answer")
    span = exporter.get_finished_spans()[0]
    assert span.attributes is not None
    assert span.attributes["error.type"] == "timeout"
    assert span.attributes["gen_ai.operation.name"] == "embeddings"


def test_without_tracing_it_is_only_a_call() -> None:
    query = Query(query_id="q", prompt="2 + 2")
    with model_call("m", MODEL, query) as call:
        call.answered(Answer(text="4"))
    with Asking(Tracing(), "ask", "q"), model_call("m", MODEL, query) as call:
        call.answered(Answer(text="4"))
