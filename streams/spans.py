"""OpenTelemetry's spans of what roles do. Imported only where spans are recorded: it is large.

Names and attributes follow the semantic conventions for messaging and for generative AI; our own
attributes begin with ``zeta.``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from aiokafka.structs import ConsumerRecord
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from streams.trace_context import TRACEPARENT, TRACESTATE, Headers
from streams.tracing import TracingError

LONGEST_KEY = 200


class Spans:
    """What this process records, by the provider's sampler, processors and exporters."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("zeta-router")

    def process(self, record: ConsumerRecord[Any, Any], parent: Headers, group: str) -> Span:
        """The span of handling a record."""
        attributes = _messaging(record.topic, "process", "process", record.key)
        attributes["messaging.consumer.group.name"] = group
        attributes["messaging.destination.partition.id"] = str(record.partition)
        attributes["messaging.kafka.offset"] = record.offset
        name, kind = f"process {record.topic}", SpanKind.CONSUMER
        return self._tracer.start_span(name, _remote(parent), kind, attributes)

    def publish(self, parent: Span, topic: str, key: bytes | None) -> Span:
        """The span of sending a record; ``sent`` ends it."""
        context = set_span_in_context(parent, Context())
        attributes = _messaging(topic, "publish", "send", key)
        return self._tracer.start_span(f"publish {topic}", context, SpanKind.PRODUCER, attributes)

    def call(self, parent: Span, name: str, attributes: Mapping[str, AttributeValue]) -> Span:
        """The span of a call to a server."""
        context = set_span_in_context(parent, Context())
        return self._tracer.start_span(name, context, SpanKind.CLIENT, attributes)

    def ask(self, name: str, parent: Headers, *, serving: bool) -> Span:
        """The span of a query's way in."""
        kind = SpanKind.SERVER if serving else SpanKind.INTERNAL
        return self._tracer.start_span(name, _remote(parent), kind)

    @staticmethod
    def headers(span: Span) -> Headers:
        """What names the span as the parent."""
        context = span.get_span_context()
        parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        headers = [(TRACEPARENT, parent.encode())]
        if state := context.trace_state.to_header():
            headers.append((TRACESTATE, state.encode()))
        return headers

    @staticmethod
    def end(span: Span, error: BaseException | None = None) -> None:
        """Ends a span, with what went wrong."""
        if error is not None:
            Spans.fail(span, getattr(error, "kind", type(error).__name__))
        span.end()

    @staticmethod
    def fail(span: Span, kind: str) -> None:
        """Notes that it came to nothing, and why, in a word."""
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR))

    @staticmethod
    def follow(span: Span, future: asyncio.Future[Any]) -> None:
        """Ends the span of a send with its acknowledgement."""
        future.add_done_callback(partial(_sent, span))

    def close(self) -> None:
        """Sends what is left; blocks."""
        self._provider.shutdown()


def _sent(span: Span, future: asyncio.Future[Any]) -> None:
    if future.cancelled():
        Spans.end(span, asyncio.CancelledError())
    elif error := future.exception():
        Spans.end(span, error)
    else:
        sent = future.result()
        span.set_attribute("messaging.destination.partition.id", str(sent.partition))
        span.set_attribute("messaging.kafka.offset", sent.offset)
        span.end()


def _messaging(
    topic: str, operation: str, kind: str, key: bytes | None
) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
    }
    if key is not None:
        attributes["messaging.kafka.message.key"] = key.decode(errors="replace")[:LONGEST_KEY]
    return attributes


def _remote(parent: Headers) -> Context:
    """The context of what a checked header names; of nothing where it is empty."""
    if not parent:
        return Context()
    _, trace_id, span_id, flags = parent[0][1].decode().split("-")
    state = [content.decode() for name, content in parent if name == TRACESTATE]
    context = SpanContext(
        trace_id=int(trace_id, 16),
        span_id=int(span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
        trace_state=TraceState.from_header(state),
    )
    return set_span_in_context(NonRecordingSpan(context), Context())


def recorder(environment: Mapping[str, str], service: str, instance: str) -> Spans:
    """Records spans as the standard variables say: exporter, sampler, limits, resource.

    Raises:
        TracingError: an exporter that isn't there.
    """
    own = {"service.name": service} if not environment.get("OTEL_SERVICE_NAME") else {}
    own |= {"service.instance.id": instance} if instance else {}
    provider = TracerProvider(resource=Resource.create({"service.namespace": "zeta", **own}))
    provider.add_span_processor(BatchSpanProcessor(_exporter(environment)))
    return Spans(provider)


def _exporter(environment: Mapping[str, str]) -> SpanExporter:
    name = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    if name == "console":
        return ConsoleSpanExporter(out=sys.stderr)
    if name != "otlp":
        raise TracingError(f"OTEL_TRACES_EXPORTER: one of otlp, console, none; got {name!r}")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        missing = "pip install 'zeta-router[tracing]'"
        raise TracingError(f"OTEL_TRACES_EXPORTER: the exporter is missing: {missing}") from None
    return OTLPSpanExporter()
