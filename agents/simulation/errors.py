"""How each protocol says no: statuses and bodies of TGI's, TEI's and OpenAI's errors. Pure."""

from typing import Any, Literal, TypeVar

import msgspec

Shape = Literal["plain", "tei-openai", "openai"]
"""`plain`: TGI's and TEI's own routes. `tei-openai`: TEI's /v1/embeddings."""

T = TypeVar("T")
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
# The error types TGI gives to its own statuses; others stand for a proxy before it.
TGI_TYPES = {
    422: "validation",
    424: "generation",
    429: "overloaded",
    500: "incomplete_generation",
    503: "healthcheck",
}
TEI_TYPES = {
    400: "Empty",
    422: "Validation",
    424: "Backend",
    429: "Overloaded",
    503: "Unhealthy",
}
OPENAI_TYPES = {400: "invalid_request_error", 422: "invalid_request_error", 429: "rate_limit_error"}
MESSAGES = {
    424: "Request failed during generation: simulated",
    429: "Model is overloaded",
    500: "Incomplete generation",
    502: "Bad gateway",
    503: "unhealthy",
    504: "Gateway timeout",
}


class RefusalError(Exception):
    """A request that the model doesn't serve: HTTP status and what it says, not yet shaped."""

    def __init__(self, status: int, message: str, *, raw: bool = False) -> None:
        """`raw`: the framework before the model refuses, in plain text."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.raw = raw


def validation(message: str) -> RefusalError:
    """What TGI's and TEI's validation raises."""
    return RefusalError(422, f"Input validation error: {message}")


def overloaded() -> RefusalError:
    """What a model at its concurrency limit raises."""
    return RefusalError(429, MESSAGES[429])


def injected(status: int) -> RefusalError:
    """The error of an `error_rate` fault."""
    return RefusalError(status, MESSAGES.get(status, f"simulated error {status}"))


def decode(body: bytes, content_type: str, into: type[T]) -> T:
    """The request in `body`; raises the `RefusalError` that the real servers' JSON reader gives."""
    if not content_type.startswith(JSON):
        raise RefusalError(415, f"Expected request with `Content-Type: {JSON}`", raw=True)
    try:
        return msgspec.json.decode(body, type=into)
    except msgspec.ValidationError as error:
        text = f"Failed to deserialize the JSON body into the target type: {error}"
        raise RefusalError(422, text, raw=True) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"Failed to parse the request body as JSON: {error}"
        raise RefusalError(400, text, raw=True) from error


def error_body(refusal: RefusalError, shape: Shape, prefix: str) -> tuple[bytes, str]:
    """(body, content type) of a refusal; `prefix` is "te" for TEI's error types."""
    if shape == "openai":
        return msgspec.json.encode(_openai(refusal)), JSON
    if refusal.raw:
        return refusal.message.encode(), TEXT
    kind = error_type(refusal.status, prefix)
    if shape == "tei-openai":
        said: dict[str, Any] = {"message": refusal.message, "code": refusal.status, "type": kind}
        return msgspec.json.encode(said), JSON
    return msgspec.json.encode({"error": refusal.message, "error_type": kind}), JSON


def stream_error(refusal: RefusalError, *, chat: bool) -> dict[str, Any]:
    """TGI's error event inside a stream that began with status 200.

    In a chat stream TGI says 422 whatever happened.
    """
    if chat:
        return {"error": {"message": refusal.message, "http_status_code": 422}}
    return {"error": refusal.message, "error_type": error_type(refusal.status, "tgi")}


def error_type(status: int, prefix: str) -> str:
    """The `error_type` of a status."""
    return (TEI_TYPES if prefix == "te" else TGI_TYPES).get(status, "simulated")


def _openai(refusal: RefusalError) -> dict[str, Any]:
    kind = OPENAI_TYPES.get(refusal.status, "server_error")
    error = {"message": refusal.message, "type": kind, "param": None, "code": refusal.status}
    return {"error": error}
