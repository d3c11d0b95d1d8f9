"""``responses``: a model's answer, or an error."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.assignment import Decision, ErrorKind
from schemas.query import Query, Reference
from schemas.wire import EpochMs, Event, NonNegativeInt, PositiveInt, Seconds, written


class AnswerError(Event, frozen=True, kw_only=True):
    """Why there is no answer; ``message`` says what to do where that is known."""

    kind: ErrorKind
    message: str


class Usage(Event, frozen=True, kw_only=True):
    """Tokens as the model server counted them, missing where it didn't say."""

    prompt_tokens: NonNegativeInt | None = None
    completion_tokens: NonNegativeInt | None = None


class Timings(Event, frozen=True, kw_only=True):
    """Where the time went.

    ``queue_s``: from the client's record to the call; ``inference_s``: the call that
    succeeded; ``first_token_s``: from the call to its first token (streams only);
    ``total_s``: from the client's record to this response.
    """

    queue_s: Seconds = written(0.0)
    inference_s: Seconds | None = None
    first_token_s: Seconds | None = None
    total_s: Seconds = written(0.0)


class Response(Event, frozen=True, kw_only=True):
    """A model's answer, or an error; each query id gets at least one.

    ``reference`` and, where the task's grader needs it, ``query`` come along so that the
    grader needs no look-up. ``embeddings`` has one row per input text, ``dimension`` wide, in
    ``vector_space``. A duplicate (a redelivery) carries the same query id and attempt.
    ``replay``: the query's.
    """

    query_id: str
    task: str | None = None
    model: str | None = None
    attempt: NonNegativeInt = 0
    text: str | None = None
    embeddings: list[list[float]] | None = None
    vector_space: str | None = None
    dimension: PositiveInt | None = None
    tool_calls: list[dict[str, Any]] | None = None
    error: AnswerError | None = None
    finish_reason: str | None = None
    usage: Usage = msgspec.field(default_factory=Usage)
    cost_usd: Seconds | None = None
    timings: Timings = msgspec.field(default_factory=Timings)
    decision: Decision | None = None
    answered_at: EpochMs
    session: str | None = None
    reply_to: str | None = None
    reference: Reference | None = None
    query: Query | None = None
    replay: str | None = None
