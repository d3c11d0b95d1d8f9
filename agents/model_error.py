"""Why a model gave no answer, as one type of error. Pure."""

from __future__ import annotations

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
