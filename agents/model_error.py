"""Why a model gave no answer: its statuses and its words as one type of error. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import httpx
from huggingface_hub.errors import OverloadedError, TextGenerationError, ValidationError

from schemas.assignment import ErrorKind

TRANSIENT: frozenset[ErrorKind] = frozenset({"unreachable", "overloaded", "server_error"})
"""Errors that may pass by themselves: the worker tries again before it gives up on the model."""

LONGEST_MESSAGE = 500


class ModelError(Exception):
    """A model gave no answer.

    ``retry_after_s`` is what it asked for, if it did. Of a query that it was never ``asked``
    nobody is blamed.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        retry_after_s: float | None = None,
        *,
        asked: bool = True,
    ) -> None:
        message = readable(message[:LONGEST_MESSAGE])
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.retry_after_s = retry_after_s
        self.asked = asked


def readable(text: str) -> str:
    """The text without halves of surrogate pairs: JSON may have them, and UTF-8 can't."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def status_error(response: httpx.Response, message: str) -> ModelError:
    """The error that an HTTP status of 400 or above tells."""
    status = response.status_code
    if status in (429, 503):
        return ModelError("overloaded", message, _retry_after_s(response))
    if status >= 500 or status in (408, 424):  # 424: TGI's and TEI's own failures
        return ModelError("server_error", message, _retry_after_s(response))
    return ModelError("rejected", message)


def stream_error(error: TextGenerationError) -> ModelError:
    """An error that TGI reports inside a stream, which has begun with status 200.

    A text with an ``error_type``, or ``{"message", "http_status_code"}``; in a chat its code is
    422 whatever happened, so the words decide.
    """
    said: Any = error.args[0] if error.args else None
    message = str(said.get("message", said) if isinstance(said, Mapping) else said)
    words = message.lower()
    if isinstance(error, OverloadedError) or "overloaded" in words:
        return ModelError("overloaded", message)
    if isinstance(error, ValidationError) or "validation error" in words:
        return ModelError("rejected", message)
    return ModelError("server_error", message)


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds, where Retry-After is a number; its date form is left to the backoff."""
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return seconds if 0 <= seconds < math.inf else None
