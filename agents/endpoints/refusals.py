"""A model server's statuses and words of refusal as errors of the product. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import httpx
from huggingface_hub.errors import OverloadedError, TextGenerationError, ValidationError

from agents.model_error import ModelError


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
