"""The headers of records, as the AsyncAPI document tells them. A record needs none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.assignment import Assignment
from schemas.cancellation import Cancellation
from schemas.chunk import Chunk
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import Response
from schemas.wire import Event
from streams.redrive import mark
from streams.replay import origin

_FOLLOWS_A_QUERY = (Query, Assignment, Response, Chunk, Cancellation, Feedback, Metric)
_ADDRESSED = (Response, Chunk)
_SENT_BACK = (Query, Assignment, Response, Feedback)

_TEXT = {
    "traceparent": "W3C trace context: the span that this record follows from.",
    "reply_to": "The query's reply_to, so that a reader can pass over what isn't meant for it.",
    origin.HEADER: (
        "JSON, of a record that `zeta replay` sent: the run, and where and when the record was."
    ),
    mark.COUNT: "How often `zeta dead-letters redrive` has sent this record back, in digits.",
    mark.MARK: (
        "JSON, of a record that was sent back: the letter's partition, offset and failed_at, and "
        "the time of the record when it was first sent."
    ),
}
_LIKE = {
    "traceparent": {
        "type": "string",
        "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
    },
    mark.COUNT: {"type": "string", "pattern": "^[0-9]+$"},
}


def headers_of(event: type[Event]) -> Mapping[str, Any]:
    """The schema of an event's headers; others may be there, and are passed on or ignored."""
    names = [origin.HEADER]
    if event in _FOLLOWS_A_QUERY:
        names.append("traceparent")
    if event in _ADDRESSED:
        names.append("reply_to")
    if event in _SENT_BACK:
        names += [mark.COUNT, mark.MARK]
    return {"type": "object", "properties": {name: _header(name) for name in sorted(names)}}


def _header(name: str) -> dict[str, Any]:
    return {**_LIKE.get(name, {"type": "string"}), "description": _TEXT[name]}
