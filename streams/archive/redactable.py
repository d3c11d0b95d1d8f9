"""What ``archive.redact`` may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from schemas.assignment import Failure
from schemas.chunk import Chunk
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.query import Query, Reference
from schemas.response import AnswerError, Response
from schemas.wire import Event

How = Literal["drop", "hash"]

FIELDS: Mapping[str, tuple[type[Event], str]] = {
    "query.prompt": (Query, "prompt"),
    "query.messages": (Query, "messages"),
    "query.input": (Query, "input"),
    "query.parameters": (Query, "parameters"),
    "reference.value": (Reference, "value"),
    "response.text": (Response, "text"),
    "response.tool_calls": (Response, "tool_calls"),
    "response.embeddings": (Response, "embeddings"),
    "answer_error.message": (AnswerError, "message"),
    "failure.message": (Failure, "message"),
    "chunk.text": (Chunk, "text"),
    "feedback.comment": (Feedback, "comment"),
    "dead_letter.key": (DeadLetter, "key"),
    "dead_letter.value": (DeadLetter, "value"),
    "dead_letter.headers": (DeadLetter, "headers"),
    "dead_letter.error": (DeadLetter, "error"),
}
"""By name: the struct, wherever it is part of an event, and its field."""

NO_TEXT = frozenset({"query.parameters", "response.embeddings", "dead_letter.headers"})
"""These aren't one text, and can only be dropped."""


def problem(redact: Mapping[str, How], key_source: str) -> tuple[str, str] | None:
    """The first setting of ``[archive]`` that is wrong: its key, and what is allowed."""
    for name, how in redact.items():
        if name not in FIELDS:
            return f"redact.{name}", f"no such field; allowed are {', '.join(FIELDS)}"
        if how == "hash" and name in NO_TEXT:
            return f"redact.{name}", "must be drop: it isn't one text"
    if "hash" in redact.values() and not key_source:
        return "redact_key_variable", (
            "is missing (or redact_key_file): say where the key of the hashes is; without one a "
            "short text could be guessed"
        )
    return None
