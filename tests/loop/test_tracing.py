"""One query is one trace through every role, on a real broker; and a header harms nobody."""

from __future__ import annotations

import httpx
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agents.client import Client
from agents.crediting import home_of
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.response import Response
from streams.consuming import Record
from streams.spans import Spans
from streams.tracing import Tracing
from tests.loop.gateways import ALICE, gateway
from tests.loop.system import System
from tests.loop.test_failures import sum_query
from tests.loop.watching import Topic, answered, until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
ROLES = ("router", "worker-first", "grader", "aggregator")


@pytest_asyncio.fixture
async def exporter(system: System) -> InMemorySpanExporter:
    """What a system's roles record, which run with one chat model."""
    found = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    system.spans = Spans(provider)
    await system.chat_sim("first")
    await system.prepare()
    return found


def of(exporter: InMemorySpanExporter, trace: str, prefix: str) -> dict[str, ReadableSpan]:
    """The finished spans of one trace by name, topics being without prefix."""
    spans = [span for span in exporter.get_finished_spans() if trace_of(span) == trace]
    return {span.name.replace(prefix, ""): span for span in spans}


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def parent_name(span: ReadableSpan, among: dict[str, ReadableSpan]) -> str | None:
    """The name of a span's parent."""
    if span.parent is None:
        return None
    ids = {other.context.span_id: name for name, other in among.items() if other.context}
    return ids.get(span.parent.span_id, f"{span.parent.span_id:016x}")


def headers_of(record: Record) -> dict[str, bytes]:
    return dict(record.headers)


async def test_a_query_is_one_trace_from_http_to_its_window(
    system: System, exporter: InMemorySpanExporter
) -> None:
    await system.run(*ROLES)
    async with gateway(system.settings) as served:
        served.app.tracing.spans = system.spans
        async with httpx.AsyncClient(base_url=served.url, timeout=30) as client:
            got = await client.post(
                "/v1/chat/completions",
                json={"model": "auto:code", "messages": [{"role": "user", "content": "1 + 1"}]},
                headers={"Authorization": f"Bearer {ALICE}", "traceparent": PARENT},
            )
        assert got.status_code == 200, got.text
        await until(lambda: "process metrics" in of(exporter, TRACE, system.prefix), "folded")
    spans = of(exporter, TRACE, system.prefix)
    assert {name: parent_name(span, spans) for name, span in spans.items()} == {
        "/v1/chat/completions": SPAN,
        "publish queries": "/v1/chat/completions",
        "process queries": "publish queries",
        "publish models.first": "process queries",
        "process models.first": "publish models.first",
        "chat first": "process models.first",
        "publish responses": "process models.first",
        "process responses": "publish responses",
        "publish metrics": "process responses",
        "process metrics": "publish metrics",
    }
    groups = {
        name: (span.attributes or {}).get("messaging.consumer.group.name")
        for name, span in spans.items()
        if name.startswith("process")
    }
    assert groups == {
        "process queries": f"{system.prefix}router",
        "process models.first": f"{system.prefix}worker-first",
        "process responses": f"{system.prefix}grader",
        "process metrics": f"{system.prefix}aggregator",
    }
    for name in ("process queries", "process models.first", "process responses"):
        facts = spans[name].attributes or {}
        assert facts["zeta.task"] == "code"
        assert facts["zeta.model"] == "first"
        assert facts["zeta.propensity"] == 1.0
        assert facts["zeta.rule_version"] == 0
        assert facts["zeta.query_id"]
    call = spans["chat first"].attributes or {}
    assert call["gen_ai.request.model"] == "first"
    assert call["gen_ai.response.finish_reasons"]
    assert int(str(call["gen_ai.usage.output_tokens"])) > 0


async def test_records_of_one_batch_have_traces_of_their_own(
    system: System, exporter: InMemorySpanExporter
) -> None:
    traces = {f"q{n}": f"{n + 1:032x}" for n in range(60)}
    for name, trace in traces.items():
        header = ("traceparent", f"00-{trace}-{SPAN}-01".encode())
        await system.put("queries", sum_query(name), key=b"same", headers=[header])
    responses = await system.topic("responses", Response)
    await system.run(*ROLES)
    await responses.until(answered(*traces), "all answers")
    for record, response in zip(responses.records, responses.events, strict=True):
        assert headers_of(record)["traceparent"][3:35].decode() == traces[response.query_id]
    ids = {
        (span.attributes or {}).get("zeta.query_id"): trace_of(span)
        for span in exporter.get_finished_spans()
        if span.name == f"process {system.prefix}queries"
    }
    assert ids == traces


async def feedbacks_headers(metrics: Topic[Metric], source: str) -> dict[str, bytes]:
    """The headers of the metric that a source's feedback became."""
    grader = f"feedback:{source}"
    await metrics.until(lambda rows: any(row.grader == grader for row in rows), grader)
    told = {row.grader: r for r, row in zip(metrics.records, metrics.events, strict=True)}
    return headers_of(told[grader])


async def test_without_tracing_the_context_goes_through_and_garbage_does_not(
    system: System,
) -> None:
    await system.chat_sim("first")
    await system.prepare()
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric)
    await system.run("router", "worker-first", "grader")
    hostile = {
        "garbage": b"garbage",
        "bytes": b"\xff" * 55,
        "zeros": f"00-{'0' * 32}-{SPAN}-01".encode(),
        "long": b"0" * 900_000,
    }
    for name, content in hostile.items():
        made = sum_query(name)
        await system.put("queries", made, key=b"k", headers=[("traceparent", content)])
    good = [("traceparent", PARENT.encode()), ("tracestate", b"vendor=1")]
    await system.put("queries", sum_query("good"), key=b"k", headers=good)
    await system.put("queries", sum_query("none"), key=b"k")
    await responses.until(answered(*hostile, "good", "none"), "all answers")
    assert not [row for row in responses.events if row.error]
    carried = {
        row.query_id: headers_of(record)
        for record, row in zip(responses.records, responses.events, strict=True)
    }
    assert carried["good"] == dict(good)
    assert not any(carried[name] for name in (*hostile, "none"))
    await metrics.until(lambda rows: any(row.query_id == "good" for row in rows), "metrics")
    told = {row.query_id: r for r, row in zip(metrics.records, metrics.events, strict=True)}
    assert headers_of(told["good"]) == dict(good)
    for source, away in (("alice", False), ("bob", True)):
        said = Feedback(query_id="good", score=1.0, source=source)
        where = (home_of("good", 2) + away) % 2
        other = [("traceparent", PARENT.replace(TRACE, TRACE[::-1]).encode())]
        await system.put("feedback", said, partition=where, headers=other)
        assert await feedbacks_headers(metrics, source) == dict(other), source
    labels = {"task": "code", "kind": "feedback"}
    assert system.registry("grader").get_sample_value("zeta_grades_total", labels) == 2


async def test_a_client_begins_a_trace(system: System, exporter: InMemorySpanExporter) -> None:
    tracing = Tracing()
    tracing.spans = system.spans
    await system.run("router", "worker-first")
    async with Client(system.settings, tracing) as client:
        await client.send(sum_query("mine"))
        await client.flush()
        async for response in client.answers({"mine"}, 20.0):
            assert response.error is None
    roots = [s for s in exporter.get_finished_spans() if s.name == "ask"]
    assert [span.parent for span in roots] == [None]
    spans = of(exporter, trace_of(roots[0]), system.prefix)
    assert parent_name(spans["publish queries"], spans) == "ask"
    assert "process models.first" in spans
