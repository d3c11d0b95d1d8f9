"""What a client is told that gets no answer: OpenAI's error shape, and a status for each kind."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from schemas.assignment import ErrorKind
from schemas.response import AnswerError

STATUSES: Mapping[ErrorKind, int] = {
    "invalid": 400,
    "rejected": 400,
    "cancelled": 499,
    "unreachable": 502,
    "server_error": 502,
    "bad_answer": 502,
    "overloaded": 503,
    "breaker_open": 503,
    "no_model": 503,
    "timeout": 504,
    "deadline": 504,
}
"""The HTTP status of each kind of error answer; the kind is the error's ``code``."""

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's error: ``param`` names the part of the request, ``code`` what a program reads."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorReply(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every reply that is none of 2xx, and the last event of a stream that failed."""

    error: ErrorBody


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A request that gets an error.

    Args:
        status: the HTTP status.
        code: what a program reads.
        message: what a person reads.
        param: the part of the request that it is about.
        headers: further headers, such as Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = dict(headers or {})

    @property
    def reply(self) -> ErrorReply:
        """The body."""
        error = ErrorBody(
            message=str(self), type=error_type(self.status), param=self.param, code=self.code
        )
        return ErrorReply(error=error)


def error_type(status: int) -> str:
    """OpenAI's word for the class of an error."""
    if status in _TYPES:
        return _TYPES[status]
    return "server_error" if status >= 500 else "invalid_request_error"


def refusal_of(error: AnswerError, headers: Mapping[str, str] | None = None) -> Refusal:
    """An error answer as an HTTP one."""
    return Refusal(STATUSES[error.kind], error.kind, error.message, headers=headers)
