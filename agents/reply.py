"""A model's reply, once it is known that everybody downstream can read it. Pure.

Model servers' bodies are JSON of any shape, and the clients' classes don't check types: a text
that is a list, half a surrogate pair or a count of -1 would go out as a response that nobody can
decode, so that its query would never be answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from agents.model_error import ModelError, readable
from schemas.response import Usage
from schemas.wire import INT_MAX


@dataclass(frozen=True)
class Answer:
    """What a model said: a text (perhaps tool calls), or one embedding per input."""

    text: str | None = None
    embeddings: list[list[float]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    first_token_s: float | None = None


_decoder = msgspec.json.Decoder(Answer)


def checked(answer: Answer) -> Answer:
    """The answer as it will be read; halves of surrogate pairs in its text are replaced.

    Raises:
        ModelError: it isn't one that can be written and read.
    """
    if isinstance(answer.text, str):
        answer = replace(answer, text=readable(answer.text))
    try:
        return _decoder.decode(msgspec.json.encode(answer))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ModelError("bad_answer", f"not an answer: {error}") from error


def counted(tokens: Any) -> int | None:
    """A count of tokens; None for what is none."""
    whole = isinstance(tokens, int) and not isinstance(tokens, bool)
    return tokens if whole and 0 <= tokens <= INT_MAX else None
