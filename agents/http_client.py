"""HTTP connections to model endpoints: one pool per endpoint, and whom it trusts."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, Self

import httpx

from agents.http_transport import Transport

LARGEST_REPLY_BYTES = 16 * 1024 * 1024
"""Of one reply, or all of a stream: more than a record takes, by far."""

DONE = b"[DONE]"
"""What the last event of a stream says."""

DRAIN_S = 0.2
"""So long a stream that has said that it is done may take to end."""


class ReplyError(ValueError):
    """A reply that no model's answer can be."""


class RefusedError(Exception):
    """A reply with a status of 400 or above; its body has been read."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


HEADERS: ContextVar[Mapping[str, str]] = ContextVar("headers", default={})  # noqa: B039 (read only)
"""Those of the last reply that this task has had: the hub's client gives its caller none."""

EXACTLY: ContextVar[Mapping[str, Any]] = ContextVar("exactly", default={})  # noqa: B039 (read only)
"""Parts of the body of this task's requests that go out as they are here.

The hub's client leaves out what is null in them, and turns a ``json_schema`` into what only TGI
knows.
"""

LENT: ContextVar[httpx.AsyncClient | None] = ContextVar("lent", default=None)
"""Set it before the hub's client is asked for something: the pool that it takes.

It gets its connections from one factory for the whole process, which takes no arguments, and the
endpoints of a process trust different authorities.
"""


def lent() -> httpx.AsyncClient:
    """The factory: the pool of whoever asks; who lends none gets connections of its own."""
    return LENT.get() or httpx.AsyncClient(verify=_usual())


class Pool(httpx.AsyncClient):
    """An endpoint's connections. Borrowers enter and leave it; its owner alone closes it.

    The hub's client enters what its factory gave it, and would close it when it is left itself.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._cookies = _NoCookies()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        """Leaves it open."""

    def build_request(
        self, method: str, url: httpx.URL | str, *, json: Any = None, **kwargs: Any
    ) -> httpx.Request:
        """The request, with the parts that go out as they are."""
        if isinstance(json, dict):
            json = {**json, **EXACTLY.get()}
        return super().build_request(method, _parsed(url), json=json, **kwargs)


@lru_cache(maxsize=16)
def _parsed(url: httpx.URL | str) -> httpx.URL:
    """A pool has a handful, and to parse one takes 3 % of a call."""
    return httpx.URL(url)


class _NoCookies(httpx.Cookies):
    """Keeps none: a model server has none to give, and to look for them takes 4 % of a call."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leaves them."""


def trust(ca_file: str) -> ssl.SSLContext | None:
    """The context that trusts the authorities of a PEM file alone; None for an empty name."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else None


def open_pool(
    headers: Mapping[str, str] | None = None,
    timeout: httpx.Timeout | None = None,
    trusted: ssl.SSLContext | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Pool:
    """A pool that is cheap to make (the certificates are read once) and queues nothing.

    Args:
        headers: of each request.
        timeout: of each request, where it names none.
        trusted: None trusts the usual authorities.
        transport: instead of the network.
    """
    return Pool(
        # A packed reply could be small on the wire and fill the memory.
        headers={**(headers or {}), "Accept-Encoding": "identity"},
        event_hooks={"response": [_received]},
        timeout=timeout,
        # A server could have prompts sent, or our network asked, wherever it likes.
        follow_redirects=False,
        transport=transport or Transport(trusted or _usual()),
    )


async def _received(response: httpx.Response) -> None:
    """Refuses a reply that is packed or an error, and has one that is too large refused."""
    HEADERS.set(response.headers)
    packed = response.headers.get("content-encoding", "identity")
    if packed != "identity":
        await response.aclose()
        raise ReplyError(f"its content-encoding is {packed}, which nobody asked for")
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream), "an asynchronous client's"
    response.stream = _Bounded(stream)
    if response.is_error:
        await response.aread()
        raise RefusedError(response)


class _Bounded(httpx.AsyncByteStream):
    """A reply's body up to a size; one that is over is read to its end when it is closed.

    Readers stop at the event that says so, and a connection with something left to read in it
    couldn't be used again.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream
        self._pieces = aiter(stream)
        self._size = 0
        self._tail = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self._take(piece)
            yield piece

    def _take(self, piece: bytes) -> None:
        self._size += len(piece)
        self._tail = (self._tail + piece)[-2 * len(DONE) :]
        if self._size > LARGEST_REPLY_BYTES:
            raise ReplyError(f"it is larger than {LARGEST_REPLY_BYTES} bytes")

    async def aclose(self) -> None:
        try:
            if DONE in self._tail:
                await self._drain()
        finally:
            await self._stream.aclose()

    async def _drain(self) -> None:
        with suppress(httpx.HTTPError, ReplyError, TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                async for piece in self._pieces:
                    self._take(piece)


@cache
def _usual() -> ssl.SSLContext:
    return httpx.create_ssl_context()
