"""One query is one trace, across all roles: W3C trace context in Kafka headers.

The ``traceparent`` of the record that is being handled goes onto every record that is sent because
of it, also where nobody records spans. Where spans are recorded (``streams.spans``), a record's
handling is a span, and so is each send; ``traceparent`` then names the send. A header that isn't
W3C trace context is as none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aiokafka.structs import ConsumerRecord

from schemas.assignment import Decision
from schemas.wire import salvage_query_id
from streams.trace_context import NAMES, Headers, parent_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from streams.spans import Spans

logger = logging.getLogger(__name__)

ENTRIES = ("queries", "feedback")
"""The topics that clients write."""


class TracingError(ValueError):
    """The ``OTEL_*`` variables ask for what there is not; the message names the variable."""


class Tracing:
    """Whether this process records spans, and by what; by default it passes contexts on only."""

    def __init__(self) -> None:
        self.spans: Spans | None = None

    def start(self, environment: Mapping[str, str], service: str, instance: str = "") -> None:
        """Records spans from now on, if the standard ``OTEL_*`` variables ask for it.

        Raises:
            TracingError: they ask for what there is not.
        """
        if not wanted(environment):
            return
        try:
            from streams.spans import recorder
        except ImportError:
            logger.warning("no spans are recorded: pip install 'zeta-router[tracing]'")
            return
        self.spans = recorder(environment, service, instance)

    def stop(self) -> None:
        """Sends what was recorded; blocks for some seconds while nobody takes it."""
        if self.spans is not None:
            self.spans.close()


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether the variables name somewhere to send spans."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    named = any(environment.get(name) for name in endpoints)
    return exporter != "none" and bool(exporter or named)


class Work:
    """What is being done now, as a context manager: records sent within it carry its context.

    ``span`` is there while spans are recorded. Errors that leave the block are noted on it.
    ``carries``: whether there is a context at all, so that the hot path needn't look for it.
    """

    __slots__ = ("_token", "carries", "span", "spans")

    def __init__(self, tracing: Tracing) -> None:
        self.spans = tracing.spans
        self.span: Span | None = None
        self.carries = False
        self._token: Token[Work | None]

    def __enter__(self) -> Self:
        self._token = CURRENT.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        CURRENT.reset(self._token)
        if self.span is not None and self.spans is not None:
            self.spans.end(self.span, error)

    def parent(self) -> Headers:
        """The context that this work came with."""
        raise NotImplementedError

    def query_id(self) -> str | None:
        """Whose query it is, where that can be told."""
        raise NotImplementedError

    def place(self) -> str | None:
        """Where the record that is handled lies: ``<topic>-<partition>@<offset>``."""
        return None

    def onward(self) -> Headers:
        """What records that follow from this work carry."""
        if self.span is not None and self.spans is not None:
            return self.spans.headers(self.span)
        return self.parent()

    def trace_id(self) -> str | None:
        """32 hexadecimal digits."""
        headers = self.onward()
        return headers[0][1][3:35].decode() if headers else None


class Handling(Work):
    """Records while they are handled, one after the other: ``take`` each before its turn.

    A trace begins with a query or a feedback. A record of another topic that belongs to none, as
    the aggregator's ticks, begins none.
    """

    __slots__ = ("_group", "_record")

    def __init__(self, tracing: Tracing, group: str) -> None:
        super().__init__(tracing)
        self._group = group
        self._record: ConsumerRecord[Any, Any] | None = None

    def take(self, record: ConsumerRecord[Any, Any]) -> None:
        """From now on it is this record that is handled; the one before is done."""
        self._record = record
        if self.spans is None:
            self.carries = bool(record.headers)
            return
        if self.span is not None:
            self.spans.end(self.span)
        parent = self.parent()
        self.carries = bool(parent) or record.topic.endswith(ENTRIES)
        self.span = self.spans.process(record, parent, self._group) if self.carries else None

    def pass_over(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        """These were handled, one after the other, and nothing followed from them."""
        if self.spans is not None:
            for record in records:
                self.take(record)

    def parent(self) -> Headers:
        return () if self._record is None else parent_of(self._record.headers)

    def query_id(self) -> str | None:
        return None if self._record is None else salvage_query_id(self._record.value)

    def place(self) -> str | None:
        one = self._record
        return None if one is None else f"{one.topic}-{one.partition}@{one.offset}"


class Asking(Work):
    """A query on its way into the system: a client's, or one that came by HTTP.

    Args:
        name: what is done, e.g. ``zeta ask`` or ``POST /v1/chat/completions``.
        query_id: the query's.
        headers: the HTTP request's, which may have a trace context; a client has none.
    """

    __slots__ = ("_parent", "_query_id")

    def __init__(
        self,
        tracing: Tracing,
        name: str,
        query_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(tracing)
        self._query_id = query_id
        given = [(one, (headers or {}).get(one, "").encode("ascii", "replace")) for one in NAMES]
        self._parent = parent_of(given)
        self.carries = bool(self._parent) or self.spans is not None
        if self.spans is not None:
            self.span = self.spans.ask(name, self._parent, serving=headers is not None)
            self.span.set_attribute("zeta.query_id", query_id)

    def parent(self) -> Headers:
        return self._parent

    def query_id(self) -> str | None:
        return self._query_id


CURRENT: ContextVar[Work | None] = ContextVar("work", default=None)
"""What the running task is doing."""


def outgoing(topic: str, key: bytes | None, headers: Headers) -> tuple[Headers, Span | None]:
    """The headers for a record to be sent, and its span where one is recorded.

    A streamed answer's chunks have none: there would be one for each token.
    """
    work = CURRENT.get()
    if work is None or not work.carries:
        return headers, None
    span: Span | None = None
    if work.span is not None and work.spans is not None and not topic.endswith("chunks"):
        span = work.spans.publish(work.span, topic, key)
        carried = work.spans.headers(span)
    else:
        carried = work.onward()
    if not carried:
        return headers, span
    return [*(header for header in headers if header[0] not in NAMES), *carried], span


def follow(span: Span, future: asyncio.Future[Any]) -> None:
    """Ends the span of a send with its acknowledgement."""
    from streams.spans import Spans

    Spans.follow(span, future)


def decided(query_id: str, decision: Decision | None) -> None:
    """Notes on the span of what is done now, if there is one, whose query it is and who has it."""
    work = CURRENT.get()
    if work is None or work.span is None:
        return
    work.span.set_attribute("zeta.query_id", query_id)
    if decision is not None:
        work.span.set_attribute("zeta.task", decision.task)
        work.span.set_attribute("zeta.model", decision.model)
        work.span.set_attribute("zeta.rule_version", decision.rule_version)
        work.span.set_attribute("zeta.propensity", decision.propensity)
        work.span.set_attribute("zeta.decision_kind", decision.kind)
