"""Bodies in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import msgspec
from aiohttp import web

from agents.serving.querying import too_large
from agents.serving.refusals import Refusal

BODY_S = 30.0
MOST_BYTES = web.AppKey("most_bytes", int)

# Of the request that the running task serves.
HOLDER: ContextVar[str] = ContextVar("holder")
"""The name of the key that it showed."""
FAILED: ContextVar[int | None] = ContextVar("failed", default=None)
"""The status that its stream would have had, which failed after its headers."""


def json_reply(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A reply."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def refused(refusal: Refusal) -> web.Response:
    """An error as OpenAI shapes it."""
    return json_reply(refusal.reply, status=refusal.status, headers=refusal.headers)


async def body_of(request: web.Request) -> bytes:
    """The request's body, unpacked.

    Raises:
        Refusal: 415 not JSON by its own word, 413 too large, 408 too slow, 400 broken.
    """
    # A page in somebody's browser may send text/plain anywhere; for JSON it must be allowed to.
    if not _is_json(request.content_type):
        message = f"Content-Type must be application/json, not {request.content_type}"
        raise Refusal(415, "unsupported_media_type", message)
    most = request.app[MOST_BYTES]
    if (request.content_length or 0) > most:
        raise too_large(most)
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large(most) from None
    except TimeoutError:
        message = f"the body didn't come within {BODY_S:g} s"
        raise Refusal(408, "request_timeout", message) from None
    except web.RequestPayloadError as error:
        raise Refusal(400, "invalid_body", f"the body can't be read: {error}") from error


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")
