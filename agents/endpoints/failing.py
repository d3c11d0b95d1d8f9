"""What can go wrong with a call, as the one type of error that the product knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from huggingface_hub.errors import InferenceTimeoutError, TextGenerationError

from agents.endpoints.refusals import status_error, stream_error
from agents.http_client import RefusedError
from agents.model_error import ModelError

NOT_AN_ANSWER = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError),
    httpx.InvalidURL,
)
"""What reading a reply of another shape, or following where it points to, may raise."""


@contextmanager
def told_as_model_error(where: str, timeout_s: float) -> Iterator[None]:
    """Raises whatever a call to ``where`` raises as a ``ModelError``."""
    try:
        yield
    except RefusedError as error:
        raise status_error(error.response, words_of(error.response)) from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ModelError("unreachable", f"{where}: {error!r}") from error
    except (TimeoutError, httpx.TimeoutException, InferenceTimeoutError) as error:
        raise ModelError("timeout", f"no answer within {timeout_s:.3g} s") from error
    except TextGenerationError as error:
        raise stream_error(error) from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise ModelError("server_error", f"connection broke: {error!r}") from error
    except NOT_AN_ANSWER as error:
        raise ModelError("bad_answer", f"not an answer: {error!r}") from error


def words_of(response: httpx.Response) -> str:
    """An error's status, and what the server said of it: TGI, TEI, OpenAI and others say it apart.

    ``{"error": text}``, ``{"error": {"message": text}}``, ``{"message": text}``, or plain text.
    """
    return f"HTTP {response.status_code}: {_said(response)}".removesuffix(": ")


def _said(response: httpx.Response) -> str:
    try:
        body: Any = response.json()
    except (ValueError, RecursionError, LookupError):  # a charset that nobody knows
        return response.content.decode("utf-8", "replace").strip()
    for key in ("error", "message"):
        while isinstance(body, Mapping) and key in body:
            body = body[key]
    return body if isinstance(body, str) else str(body)
