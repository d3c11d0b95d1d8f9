"""An endpoint for a test, and a simulated server; what they say to each other is noted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from agents.endpoints.endpoint import Endpoint
from agents.reply import Answer
from agents.simulation.profile import SimModel, merge
from agents.simulation.server import RunningSim, serve
from schemas.query import Query
from streams.settings import Model

ASK = "Name the colour.\nsim-answer: deep blue sea"


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """The network, listened to: each request's path and body, each reply's."""

    asked: list[tuple[str, Any]] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)
    _inner: httpx.AsyncHTTPTransport = field(default_factory=httpx.AsyncHTTPTransport)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.path, json.loads(request.content or b"null")))
        response = await self._inner.handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        pieces = [piece async for piece in stream]
        await stream.aclose()
        self.said.append(b"".join(pieces))
        return httpx.Response(response.status_code, headers=response.headers, stream=_Again(pieces))

    async def aclose(self) -> None:
        await self._inner.aclose()

    @property
    def body(self) -> Any:
        """The last reply."""
        return json.loads(self.said[-1])

    @property
    def events(self) -> list[Any]:
        """The last reply's events, but for the word that it is done."""
        lines = self.said[-1].decode().splitlines()
        data = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
        return [json.loads(line) for line in data if line != "[DONE]"]


class _Again(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@dataclass
class Asked:
    """A simulated server, its endpoint, and what went over the wire."""

    sim: RunningSim
    endpoint: Endpoint
    wire: Wire
    pieces: list[str] = field(default_factory=list)

    async def ask(self, query: Query, *, stream: bool = False, instructions: str = "") -> Answer:
        """The answer; streamed, its pieces go to ``pieces``."""
        self.pieces.clear()
        on_text = self._take if stream else None
        return await self.endpoint.answer(query, instructions, 5.0, on_text)

    async def _take(self, text: str) -> None:
        self.pieces.append(text)


@asynccontextmanager
async def asked(
    protocol: Any, sim: dict[str, Any] | None = None, **model: Any
) -> AsyncIterator[Asked]:
    """A simulated server of this protocol that answers at once."""
    fields = {"latency": {"median_s": 0.0}, **(sim or {})}
    running = await serve(merge(SimModel(name="m", protocol=protocol), fields))
    wire = Wire()
    serves = ["embedding"] if protocol == "tei" else ["chat", "embedding"]
    told = Model(endpoint=running.base_url, protocol=protocol, **{"serves": serves, **model})
    endpoint = Endpoint(told, None, wire)
    try:
        yield Asked(running, endpoint, wire)
    finally:
        await endpoint.close()
        await running.stop()
