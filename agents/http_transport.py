"""HTTP/1.1 for httpx, by aiohttp: connections, time limits, and what can go wrong, in httpx' words.

httpx' own transport takes 0.9 ms of processor time for a small call while 64 are under way (for
each request its pool looks at each connection), this one 0.37 (``zeta bench worker``'s bare loop,
with the one and with the other).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL

KEPT_S = 5.0
"""So long an idle connection is kept: no longer than common servers keep theirs."""

LARGEST_HEADER_BYTES = 64 * 1024


class Transport(httpx.AsyncBaseTransport):
    """Any number of connections at a time; a proxy that the environment names is used.

    A request that was sent on a connection that had been kept, and that the server had closed, is
    sent again on another: some servers hang up after a stream without a word, and all do after
    some time. What is sent just then is lost, and was never begun.

    Args:
        trusted: the authorities, for https.
    """

    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._trusted = trusted
        self._proxies: dict[tuple[str, str], str | None] = {}
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The reply, whose body is still to be read.

        Raises:
            httpx.TransportError: none came; a ``ConnectError`` or ``ConnectTimeout`` says that
                nothing was sent.
        """
        body = await request.aread()
        with _told_as_httpx():
            while True:
                attempt = SimpleNamespace(kept=False)
                try:
                    reply = await self._send(request, body, attempt)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                    if not attempt.kept or isinstance(error, aiohttp.ClientConnectorError):
                        raise
                else:
                    return httpx.Response(
                        reply.status, headers=list(reply.raw_headers), stream=_Body(reply)
                    )

    async def _send(
        self, request: httpx.Request, body: bytes, attempt: SimpleNamespace
    ) -> aiohttp.ClientResponse:
        timeout = request.extensions.get("timeout", {})
        return await self._opened().request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=request.headers.multi_items(),
            data=body or None,
            allow_redirects=False,
            proxy=self._proxy(request.url),
            timeout=aiohttp.ClientTimeout(
                sock_connect=timeout.get("connect"), sock_read=timeout.get("read")
            ),
            trace_request_ctx=attempt,
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # not before there is an event loop
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_kept)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._trusted, limit=0, keepalive_timeout=KEPT_S
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trace_configs=[trace],
                max_line_size=LARGEST_HEADER_BYTES,
                max_field_size=LARGEST_HEADER_BYTES,
            )
        return self._session

    def _proxy(self, url: httpx.URL) -> str | None:
        origin = url.scheme, url.host
        if origin not in self._proxies:
            proxies = {} if proxy_bypass(url.host) else getproxies()
            self._proxies[origin] = proxies.get(url.scheme) or proxies.get("all")
        return self._proxies[origin]

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()


async def _note_kept(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.kept = True


class _Body(httpx.AsyncByteStream):
    """A reply's body as it comes; closed before its end, it takes its connection with it."""

    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _told_as_httpx():
            async for piece in self._reply.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        if self._reply.content.at_eof():
            self._reply.release()
        else:
            self._reply.close()


@contextmanager
def _told_as_httpx() -> Iterator[None]:
    """Raises what aiohttp raises as httpx would; the order goes from the special to the general."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except aiohttp.ServerTimeoutError as error:
        raise httpx.ReadTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error)) from error
    except aiohttp.InvalidURL as error:
        raise httpx.UnsupportedProtocol(str(error)) from error
    except aiohttp.ClientError as error:
        raise httpx.RemoteProtocolError(str(error) or repr(error)) from error
