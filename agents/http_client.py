"""HTTP connections to model endpoints: one way to make a client, and whom it trusts."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from functools import cache

import httpx

LARGEST_REPLY_BYTES = 16 * 1024 * 1024
"""Of one reply, or all of a stream: more than a record takes, by far."""


class ReplyError(ValueError):
    """A reply that no model's answer can be."""


TRUSTED: ContextVar[ssl.SSLContext | None] = ContextVar("trusted", default=None)
"""Set it before a client is made; None trusts the usual authorities.

The hub's client gets its connections from one factory for the whole process and takes no
arguments for it, and the endpoints of a process may trust different authorities.
"""


def trust(ca_file: str) -> ssl.SSLContext | None:
    """The context that trusts the authorities of a PEM file alone; None for an empty name."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else None


def http_client(
    headers: Mapping[str, str] | None = None, timeout: httpx.Timeout | None = None
) -> httpx.AsyncClient:
    """A client that is cheap to make (the certificates are read once) and queues nothing."""
    return httpx.AsyncClient(
        # A packed reply could be small on the wire and fill the memory.
        headers={**(headers or {}), "Accept-Encoding": "identity"},
        event_hooks={"response": [_bound]},
        timeout=timeout,
        verify=TRUSTED.get() or _usual(),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        # A server could have prompts sent, or our network asked, wherever it likes.
        follow_redirects=False,
    )


async def _bound(response: httpx.Response) -> None:
    """Refuses a reply that is packed, and has one that is too large refused while it is read."""
    packed = response.headers.get("content-encoding", "identity")
    if packed != "identity":
        await response.aclose()
        raise ReplyError(f"its content-encoding is {packed}, which nobody asked for")
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream), "an asynchronous client's"
    response.stream = _Bounded(stream)


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > LARGEST_REPLY_BYTES:
                raise ReplyError(f"it is larger than {LARGEST_REPLY_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache
def _usual() -> ssl.SSLContext:
    return httpx.create_ssl_context()
