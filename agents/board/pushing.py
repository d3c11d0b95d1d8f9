"""The live part of the page: server-sent events, at most two a second to each client."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import web

from agents.board.board import Board

EVERY_S = 0.5
HEARTBEAT_S = 10.0
RETRY_MS = 2_000
PATIENCE_S = 5.0
"""A client that hasn't taken an update by then is dropped: nothing is held for it."""
MOST_CLIENTS = 50


class Pusher:
    """Sends each client a snapshot, then what changes. A client that comes again starts anew.

    Args:
        every_s: the shortest time between two updates.
        heartbeat_s: after so long without one, a sign that the server is still there.
        patience_s: how long a client may take for what it is sent.
    """

    def __init__(
        self,
        board: Board,
        every_s: float = EVERY_S,
        heartbeat_s: float = HEARTBEAT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._board = board
        self._every_s = every_s
        self._heartbeat_s = heartbeat_s
        self._patience_s = patience_s
        self._stopping = asyncio.Event()
        self.clients = 0

    def stop(self) -> None:
        """Ends all streams; no new one begins."""
        self._stopping.set()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /events."""
        if self.clients >= MOST_CLIENTS or self._stopping.is_set():
            raise web.HTTPServiceUnavailable(
                text="too many pages are open", headers={"Retry-After": "10"}
            )
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        self.clients += 1
        try:
            await self._stream(response)
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
        finally:
            self.clients -= 1
        return response

    async def _stream(self, response: web.StreamResponse) -> None:
        snapshot = self._board.snapshot()
        seq = snapshot["seq"]
        await self._write(response, f"retry: {RETRY_MS}\n".encode() + message("snapshot", snapshot))
        quiet_s = 0.0
        while not self._stopping.is_set():
            await self._pause()
            if self._board.seq > seq:
                update = self._board.since(seq)
                seq, quiet_s = update["seq"], 0.0
                await self._write(response, message("update", update))
                continue
            quiet_s += self._every_s
            if quiet_s >= self._heartbeat_s:
                quiet_s = 0.0
                await self._write(response, message("beat", self._board.beat()))

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._every_s)

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self._patience_s):
            await response.write(data)


def message(name: str, value: dict[str, Any]) -> bytes:
    """One event; JSON has no line break in it."""
    data = msgspec.json.encode(value)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (value["seq"], name.encode(), data)
