"""Trace context in headers: what is taken, what is passed on, and what nobody need fear."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from streams.trace_context import Headers, parent_of
from streams.tracing import (
    CURRENT,
    Asking,
    Handling,
    Tracing,
    TracingError,
    decided,
    follow,
    outgoing,
    wanted,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()
GIVEN = [("traceparent", PARENT)]


def record(
    headers: Any = (), value: bytes = b'{"query_id": "q1"}', topic: str = "p-queries"
) -> ConsumerRecord[Any, Any]:
    return ConsumerRecord(
        topic=topic,
        partition=3,
        offset=17,
        timestamp=0,
        timestamp_type=0,
        key=b"k",
        value=value,
        checksum=None,
        serialized_key_size=1,
        serialized_value_size=len(value),
        headers=headers,
    )


def handling(one: ConsumerRecord[Any, Any], tracing: Tracing | None = None) -> Handling:
    made = Handling(tracing or Tracing(), "p-router")
    made.take(one)
    return made


HOSTILE: list[Any] = [
    [("traceparent", b"")],
    [("traceparent", None)],
    [("traceparent", b"garbage")],
    [("traceparent", b"0" * 1_000_000)],
    [("traceparent", PARENT * 20_000)],
    [("traceparent", PARENT.upper())],
    [("traceparent", PARENT + b"\n")],
    [("traceparent", b"\xff" * 55)],
    [("traceparent", f"ff-{TRACE}-{SPAN}-01".encode())],
    [("traceparent", f"00-{'0' * 32}-{SPAN}-01".encode())],
    [("traceparent", f"00-{TRACE}-{'0' * 16}-01".encode())],
    [("traceparent", f"00-{TRACE}-{SPAN}".encode())],
    [("traceparent", f"0x-{TRACE}-{SPAN}-01".encode())],
    [("tracestate", b"a=b")],
    [("Traceparent", PARENT)],
    [(f"h{n}", b"") for n in range(100_000)] + GIVEN,
]


@pytest.mark.parametrize("headers", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_header_is_as_none(headers: Any, tracing: Tracing) -> None:
    assert not parent_of(headers)
    with handling(record(headers)):
        assert outgoing("p-metrics", b"k", [("own", b"1")]) == ([("own", b"1")], None)
    with handling(record(headers), tracing) as work:
        assert work.span is not None
        assert work.span.get_span_context().is_valid


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ([], []),
        (GIVEN, GIVEN),
        ([("other", b"x"), *GIVEN], GIVEN),
        ([*GIVEN, ("traceparent", b"second")], GIVEN),
        ([("tracestate", b"a=b"), *GIVEN], [*GIVEN, ("tracestate", b"a=b")]),
        ([("tracestate", b"a" * 513), *GIVEN], GIVEN),
        ([("tracestate", b"a\nb"), *GIVEN], GIVEN),
    ],
)
def test_the_context_of_a_record_is_what_w3c_says(headers: Headers, kept: Headers) -> None:
    assert list(parent_of(headers)) == list(kept)


def test_without_tracing_the_context_is_passed_on_as_it_came() -> None:
    with handling(record([*GIVEN, ("tracestate", b"a=b")])) as work:
        headers, span = outgoing("p-metrics", None, [("own", b"1"), ("traceparent", b"older")])
        assert span is None
        assert headers == [("own", b"1"), *GIVEN, ("tracestate", b"a=b")]
        assert work.trace_id() == TRACE
    assert CURRENT.get() is None


def test_each_record_has_its_own_context_within_a_batch() -> None:
    with Handling(Tracing(), "g") as work:
        work.take(record(GIVEN))
        assert outgoing("t", None, ())[0] == GIVEN
        work.take(record())
        assert outgoing("t", None, ())[0] == ()
        assert work.query_id() == "q1"
        assert work.place() == "p-queries-3@17"


async def test_each_task_has_its_own() -> None:
    async def one(mark: bytes) -> Headers:
        with handling(record([("traceparent", PARENT[:-1] + mark)])):
            await asyncio.sleep(0)
            return outgoing("t", None, ())[0]

    found = await asyncio.gather(one(b"0"), one(b"1"))
    assert [headers[0][1][-1:] for headers in found] == [b"0", b"1"]
    assert outgoing("t", None, ()) == ((), None)


async def test_handling_and_sending_are_spans(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    with handling(record(GIVEN), tracing):
        headers, span = outgoing("p-models.m", b"\xff" * 1000, ())
        assert span is not None
        follow(span, sent)
        decided("q1", None)
        assert outgoing("p-chunks", b"k", ())[1] is None, "a token is no span"
    sent.set_result(record())
    await asyncio.sleep(0)
    process, publish = exporter.get_finished_spans()
    assert (process.name, process.kind) == ("process p-queries", SpanKind.CONSUMER)
    assert process.parent is not None
    assert f"{process.parent.trace_id:032x}-{process.parent.span_id:016x}" == f"{TRACE}-{SPAN}"
    assert process.attributes == {
        "messaging.system": "kafka",
        "messaging.destination.name": "p-queries",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": "p-router",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 17,
        "messaging.kafka.message.key": "k",
        "zeta.query_id": "q1",
    }
    assert (publish.name, publish.kind) == ("publish p-models.m", SpanKind.PRODUCER)
    assert publish.parent == process.context
    assert publish.attributes is not None
    assert publish.attributes["messaging.kafka.offset"] == 17
    assert len(str(publish.attributes["messaging.kafka.message.key"])) == 200
    assert publish.context is not None
    assert headers == [("traceparent", f"00-{TRACE}-{publish.context.span_id:016x}-01".encode())]


def test_what_is_not_sampled_stays_so(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    with handling(record([("traceparent", PARENT[:-1] + b"0")]), tracing):
        headers, _ = outgoing("t", None, ())
    assert headers[0][1].startswith(f"00-{TRACE}-".encode())
    assert headers[0][1].endswith(b"-00")
    assert not exporter.get_finished_spans()


def test_what_is_no_querys_begins_no_trace(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    with Handling(tracing, "g") as work:
        work.take(record(topic="p-metrics"))  # a tick
        assert outgoing("p-scores", None, ()) == ((), None)
        work.take(record(GIVEN, topic="p-metrics"))
        assert outgoing("p-scores", None, ())[0]
        work.take(record(topic="p-metrics"))
        assert outgoing("p-scores", None, ()) == ((), None)
    assert [span.name for span in exporter.get_finished_spans()] == ["process p-metrics"]


def test_an_error_is_noted(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    with pytest.raises(LookupError), handling(record(), tracing):
        raise LookupError("no")
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "LookupError"


async def test_a_send_that_fails_ends_its_span(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    loop = asyncio.get_running_loop()
    failed, cancelled = loop.create_future(), loop.create_future()
    with handling(record(), tracing):
        for future in (failed, cancelled):
            _, span = outgoing("t", None, ())
            assert span is not None
            follow(span, future)
    failed.set_exception(OSError("gone"))
    cancelled.cancel()
    await asyncio.sleep(0)
    errors = [(span.attributes or {}).get("error.type") for span in exporter.get_finished_spans()]
    assert errors == [None, "OSError", "CancelledError"]


def test_a_request_begins_a_trace_or_goes_on_with_its_own(
    tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    with Asking(tracing, "ask", "q1"):
        assert outgoing("t", None, ())[0]
    with Asking(tracing, "POST /v1/chat", "q2", {"traceparent": PARENT.decode()}):
        assert TRACE.encode() in outgoing("t", None, ())[0][0][1]
    asked, served = (s for s in exporter.get_finished_spans() if s.kind != SpanKind.PRODUCER)
    assert (asked.kind, asked.parent) == (SpanKind.INTERNAL, None)
    assert served.kind == SpanKind.SERVER
    with Asking(Tracing(), "POST /v1/chat", "q3", {"traceparent": PARENT.decode()}):
        assert outgoing("t", None, ())[0] == GIVEN
    with Asking(Tracing(), "POST /v1/chat", "q4", {"traceparent": "é" * 55}):
        assert outgoing("t", None, ())[0] == ()


@pytest.mark.parametrize(
    ("environment", "asks"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
    ],
)
def test_the_standard_variables_say_whether_spans_are_recorded(
    environment: dict[str, str], *, asks: bool
) -> None:
    assert wanted(environment) is asks
    tracing = Tracing()
    tracing.start(environment, "zeta-test")
    assert (tracing.spans is not None) is asks
    tracing.stop()


def test_an_exporter_that_is_not_there_is_named() -> None:
    with pytest.raises(TracingError, match=r"OTEL_TRACES_EXPORTER.*'zipkin'"):
        Tracing().start({"OTEL_TRACES_EXPORTER": "zipkin"}, "zeta-test")


def test_without_tracing_nothing_of_opentelemetry_is_loaded() -> None:
    program = "import agents.cli, sys; print([m for m in sys.modules if 'opentelemetry' in m])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
