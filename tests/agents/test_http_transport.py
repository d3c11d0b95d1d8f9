"""Connections to model servers: how many, through whom, and how what fails is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from agents.http_client import open_pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
AT_ONCE = 150

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Serve) -> AsyncIterator[str]:
    """Raw bytes over TCP; a connection ends with its ``answer``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def saying(reply: bytes, heads: list[str] | None = None) -> Serve:
    """Gives each request of a connection this reply."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.read(64 * 1024)).decode():
            if heads is not None:
                heads.append(head)
            writer.write(reply)
            await writer.drain()

    return answer


async def test_no_call_waits_for_another() -> None:
    waiting = 0
    together = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal waiting
        await reader.readuntil(b"\r\n\r\n")
        waiting += 1
        if waiting == AT_ONCE:
            together.set()
        await together.wait()
        writer.write(OK)
        await writer.drain()

    async with serving(answer) as url, open_pool() as pool:
        replies = await asyncio.gather(*(pool.get(url) for _ in range(AT_ONCE)))
        assert [reply.status_code for reply in replies] == [200] * AT_ONCE
        await pool.aclose()


@pytest.mark.parametrize("scheme", ["http://", ""])
@pytest.mark.parametrize(
    ("exempt", "proxied"),
    [("", True), ("127.0.0.1", False), ("127.0.0.1:{port}", False), ("127.0.0.1:1", True)],
)
async def test_the_environments_proxy_is_used(
    monkeypatch: pytest.MonkeyPatch, exempt: str, proxied: bool, scheme: str
) -> None:
    direct: list[str] = []
    through: list[str] = []
    async with serving(saying(OK, direct)) as url, serving(saying(OK, through)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.replace("http://", scheme))
        monkeypatch.setenv("no_proxy", exempt.format(port=httpx.URL(url).port))
        async with open_pool() as pool:
            assert (await pool.get(f"{url}/health")).status_code == 200
            await pool.aclose()
    if proxied:
        assert through[0].startswith(f"GET {url}/health HTTP/1.1")
    assert (bool(through), bool(direct)) == (proxied, not proxied)


async def test_a_proxy_that_does_not_speak_http_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    async with open_pool() as pool:
        with pytest.raises(httpx.ConnectError, match="proxy is socks5, and must be http or https"):
            await pool.get("http://127.0.0.1:9/")
        await pool.aclose()


async def test_a_proxy_that_says_nothing_counts_as_the_connections_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        async with open_pool(timeout=httpx.Timeout(10, connect=0.2)) as pool:
            async with asyncio.timeout(5):
                with pytest.raises(httpx.ConnectTimeout):
                    await pool.get("https://localhost:1/")
            await pool.aclose()


class HangsUp:
    """Answers the first request of each connection, and hangs up ``after_s`` on the next."""

    def __init__(self, after_s: float, first: asyncio.Barrier) -> None:
        self.begun = 0
        self._after_s = after_s
        self._first = first

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"GET" in head:
            await self._first.wait()  # so that each has a connection of its own
            writer.write(OK)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
        self.begun += 1
        await asyncio.sleep(self._after_s)


@pytest.mark.parametrize(("after_s", "sent"), [(0.0, 3), (1.1, 1)])
async def test_what_a_kept_connection_lost_is_sent_again_twice_and_only_if_at_once(
    after_s: float, sent: int
) -> None:
    server = HangsUp(after_s, asyncio.Barrier(5))
    async with serving(server) as url, open_pool() as pool:
        await asyncio.gather(*(pool.get(url) for _ in range(5)))
        with pytest.raises(httpx.RemoteProtocolError):
            await pool.post(url, json={})
        await pool.aclose()
    assert server.begun == sent


async def test_a_reply_may_have_many_headers_and_a_request_a_large_body() -> None:
    many = b"".join(b"X-%d: y\r\n" % number for number in range(500))
    got = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        body = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split()[0]))
        got = len(body)
        writer.write(OK.replace(b"OK\r\n", b"OK\r\n" + many))
        await writer.drain()

    async with serving(answer) as url, open_pool() as pool:
        reply = await pool.post(url, content=b"x" * 2_000_000)
        assert (got, reply.headers["x-499"]) == (2_000_000, "y")
        await pool.aclose()


async def test_another_scheme_is_refused() -> None:
    async with open_pool() as pool:
        with pytest.raises(httpx.UnsupportedProtocol):
            await pool.get("ftp://127.0.0.1/")
        await pool.aclose()


async def test_nothing_but_what_it_is_given_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    heads: list[str] = []
    cookie = OK.replace(b"OK\r\n", b"OK\r\nSet-Cookie: who=you; Path=/\r\n")
    async with serving(saying(cookie, heads)) as url, open_pool() as pool:
        for _ in range(2):
            await pool.post(f"{url}/a%20b?c=%2F", json={"x": 1})
        await pool.aclose()
    for head in heads:
        assert head.startswith("POST /a%20b?c=%2F HTTP/1.1"), "as it was written"
        assert "cookie" not in head.lower()
        assert "authorization" not in head.lower()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"SMTP 220 hello\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", httpx.RemoteProtocolError),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            httpx.RemoteProtocolError,
        ),
        (b"", httpx.RemoteProtocolError),
    ],
    ids=["another protocol", "a header too long", "half a body", "no chunk", "nothing"],
)
async def test_a_broken_reply_is_a_protocol_error(
    reply: bytes, error: type[httpx.HTTPError]
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()

    async with serving(answer) as url, open_pool() as pool:
        with pytest.raises(error):
            await pool.get(url)
        await pool.aclose()


async def test_limits_of_time_are_told_apart() -> None:
    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(answer) as url, open_pool(timeout=httpx.Timeout(0.2)) as pool:
        with pytest.raises(httpx.ReadTimeout):
            await pool.get(url)
        await pool.aclose()
    async with open_pool() as pool:
        with pytest.raises(httpx.ConnectError):
            await pool.get(url)
        await pool.aclose()


async def test_a_reply_that_is_left_takes_its_connection_with_it() -> None:
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        await reader.read()
        left.set()

    async with serving(answer) as url, open_pool() as pool:
        async with pool.stream("GET", url) as reply:
            assert reply.status_code == 200
        async with asyncio.timeout(5):
            await left.wait()
        await pool.aclose()
