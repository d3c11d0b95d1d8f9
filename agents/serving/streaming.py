"""A streamed answer: pieces as they come, and from the final response what is still missing."""

from __future__ import annotations

import asyncio

from aiohttp import web

from agents.serving.completing import headers, response_headers
from agents.serving.events import KEEP_ALIVE, Events, error_event
from agents.serving.http import FAILED
from agents.serving.refusals import Refusal, refusal_of
from agents.serving.telling import DivergedError
from agents.serving.waiting import Waiter
from schemas.response import Response

HEADERS_AFTER_S = 10.0
"""So long headers wait for the decision, and an error for its own status; then they go without."""

KEEP_ALIVE_S = 10.0
WRITE_S = 60.0
"""A client that reads nothing for so long has left."""


async def stream(request: web.Request, waiter: Waiter, events: Events) -> web.StreamResponse:
    """The whole reply.

    Raises:
        Refusal: before anything was sent.
        ConnectionError: the client has left.
    """
    await waiter.changed(HEADERS_AFTER_S)
    if waiter.telling.length == 0:
        _raise_error(waiter.response)
    reply = web.StreamResponse(headers=_headers(waiter, events.query_id))
    reply.content_type, reply.charset = "text/event-stream", "utf-8"
    await reply.prepare(request)
    writer = _Writer(request, reply)
    try:
        await _tell(writer, waiter, events)
    except Refusal as refusal:
        FAILED.set(refusal.status)
        await writer.write(error_event(refusal))
    await reply.write_eof()
    return reply


def _headers(waiter: Waiter, query_id: str) -> dict[str, str]:
    own = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if waiter.response is not None:
        return own | response_headers(waiter.response)
    if (first := waiter.first) is not None:
        return own | headers(query_id, first.decision, model=first.model, attempt=first.attempt)
    return own | headers(query_id, None)


class _Writer:
    def __init__(self, request: web.Request, reply: web.StreamResponse) -> None:
        self._request = request
        self._reply = reply

    async def write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(WRITE_S):
                await self._reply.write(data)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the client doesn't read") from None


async def _tell(writer: _Writer, waiter: Waiter, events: Events) -> None:
    begun = False
    while True:
        response = waiter.response
        text = waiter.pieces()
        if text and not begun:
            begun = True
            await writer.write(events.begin(_model(waiter)))
        if text:
            await writer.write(events.text(_model(waiter), text))
        if response is not None:
            _raise_error(response)
            first = b"" if begun else events.begin(_model(waiter))
            await writer.write(first + _last(waiter, events, response))
            return
        if not await waiter.changed(KEEP_ALIVE_S):
            await writer.write(KEEP_ALIVE)


def _last(waiter: Waiter, events: Events, response: Response) -> bytes:
    try:
        rest = waiter.telling.rest(response.text) if response.text is not None else ""
    except DivergedError:
        message = "the answer was begun anew and differs from what was told; ask again"
        raise Refusal(502, "interrupted", message) from None
    told = events.text(_model(waiter), rest) if rest else b""
    return told + events.end(response)


def _model(waiter: Waiter) -> str:
    if waiter.response is not None:
        return waiter.response.model or ""
    return waiter.first.model if waiter.first is not None else ""


def _raise_error(response: Response | None) -> None:
    if response is not None and response.error is not None:
        raise refusal_of(response.error, response_headers(response))
