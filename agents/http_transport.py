"""HTTP/1.1 for httpx, by aiohttp: connections, time limits, and what can go wrong, in httpx' words.

httpx' own transport takes 0.9 ms of processor time for a small call while 64 are under way (for
each request its pool looks at each connection), this one 0.37 (``zeta bench worker``'s bare loop,
with the one and with the other).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO
from types import SimpleNamespace
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL

from streams.clock import loop_s

KEPT_S = 5.0
"""So long an idle connection is kept: no longer than common servers keep theirs."""

LARGEST_HEADER_BYTES = 64 * 1024
MOST_HEADERS = 1000

MOST_SENT_AGAIN = 2
LOST_AT_ONCE_S = 1.0
"""A kept connection that ends later than this after a request had perhaps begun to work on it."""

LARGE_BODY_BYTES = 512 * 1024
"""A larger one is given to aiohttp as a file: it complains of bytes from 1 MiB on."""


class Transport(httpx.AsyncBaseTransport):
    """Any number of connections at a time; a proxy that the environment names is used.

    A request that was sent on a connection that had been kept, and that the server closed at once,
    is sent again on another, twice at most: some servers hang up after a stream without a word, and
    all do after some time. What is sent just then is lost, and was hardly begun.

    Args:
        trusted: the authorities, for https.
    """

    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._trusted = trusted
        self._proxies: dict[tuple[str, str, int | None], str | None] = {}
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The reply, whose body is still to be read.

        Raises:
            httpx.TransportError: none came; a ``ConnectError`` or ``ConnectTimeout`` says that
                nothing was sent.
        """
        body = await request.aread()
        with _told_as_httpx():
            for again in range(MOST_SENT_AGAIN, -1, -1):
                attempt = _Attempt()
                try:
                    reply = await self._send(request, body, attempt)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                    if not (again and attempt.lost_by(error)):
                        raise
                else:
                    return httpx.Response(
                        reply.status, headers=list(reply.raw_headers), stream=_Body(reply)
                    )
        raise AssertionError("unreachable: the last attempt's error is raised")

    async def _send(
        self, request: httpx.Request, body: bytes, attempt: _Attempt
    ) -> aiohttp.ClientResponse:
        timeout = request.extensions.get("timeout", {})
        return await self._opened().request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=request.headers.multi_items(),
            data=(body if len(body) < LARGE_BODY_BYTES else BytesIO(body)) or None,
            allow_redirects=False,
            proxy=self._proxy(request.url),
            timeout=aiohttp.ClientTimeout(
                connect=timeout.get("connect"),  # with the name's look-up, and all its addresses
                sock_connect=timeout.get("connect"),
                sock_read=timeout.get("read"),
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
                max_headers=MOST_HEADERS,
            )
        return self._session

    def _proxy(self, url: httpx.URL) -> str | None:
        origin = url.scheme, url.host, url.port or PORTS.get(url.scheme)
        if origin not in self._proxies:
            self._proxies[origin] = _proxy_for(*origin)
        return self._proxies[origin]

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()


PORTS = {"http": 80, "https": 443}


def _proxy_for(scheme: str, host: str, port: int | None) -> str | None:
    """What the environment says: ``http_proxy`` and its like, ``no_proxy`` with or without port.

    Raises:
        httpx.ConnectError: a proxy that doesn't speak HTTP.
    """
    if proxy_bypass(host) or proxy_bypass(f"{host}:{port}"):
        return None
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if proxy is None:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        kind = proxy.partition(":")[0]
        raise httpx.ConnectError(f"the environment's proxy is {kind}, and must be http or https")
    return proxy


class _Attempt:
    """One sending of a request: over what, and since when."""

    def __init__(self) -> None:
        self.kept = False
        self._began_s = loop_s()

    def lost_by(self, error: aiohttp.ClientError) -> bool:
        """Whether the server hung up on a connection that had been kept, as it was sent."""
        at_once = loop_s() - self._began_s < LOST_AT_ONCE_S
        return self.kept and at_once and not isinstance(error, aiohttp.ClientConnectorError)


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
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise httpx.UnsupportedProtocol(str(error)) from error
    except aiohttp.ClientError as error:
        raise httpx.RemoteProtocolError(str(error) or repr(error)) from error
