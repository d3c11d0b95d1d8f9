"""``chunks``: streamed tokens."""

from __future__ import annotations

from schemas.assignment import Decision
from schemas.wire import Event, NonNegativeInt, PositiveInt


class Chunk(Event, frozen=True, kw_only=True):
    """A piece of a streamed answer; ``number`` counts from 0 within an attempt.

    Number 0 has the ``decision``, so that whoever passes the stream on can say who answers before
    the first token goes out.
    """

    query_id: str
    attempt: PositiveInt
    number: NonNegativeInt
    text: str
    model: str
    reply_to: str | None = None
    finish_reason: str | None = None
    decision: Decision | None = None
