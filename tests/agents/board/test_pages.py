"""Who is let in, what the answers' headers forbid, and clients that don't read."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import agents.board
from agents.board.board import Board
from agents.board.lookup import Finder
from agents.board.pages import Pages
from agents.board.pushing import Pusher
from agents.board.sessions import COOKIE, LASTS_S, Sessions, names_us
from agents.dashboard import PortTakenError, announced, build_dashboard
from streams.settings import Dashboard, Kafka, Settings, SettingsError, load
from tests.agents.board.events import NOW, PLACE, SETTINGS, response
from tests.loop.watching import until

KEY = "a-key-that-is-long-enough"
PAGE = Path(agents.board.__file__).parent / "page"

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def client(
    key: str | None = None, host: str = "127.0.0.1", pusher: Pusher | None = None
) -> AsyncIterator[Client]:
    """The dashboard's HTTP side, with an empty board and no broker."""
    board = Board(SETTINGS, lambda: NOW)
    pusher = pusher or Pusher(board, every_s=0.02, heartbeat_s=0.05)
    pages = Pages(
        host,
        Sessions(key, lambda: NOW),
        board,
        pusher,
        Finder(Kafka(), []),
        lambda: ["the broker has not answered yet"],
    )
    async with TestClient(TestServer(pages.application())) as made:
        yield made
        pusher.stop()


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("127.0.0.1:8090", True),
        ("localhost:8090", True),
        ("LOCALHOST", True),
        ("[::1]:8090", True),
        ("127.0.0.1", True),
        ("rebound.example:8090", False),
        ("rebound.example", False),
        ("127.0.0.1.rebound.example:8090", False),
        ("127.0.0.1@rebound.example", False),
        ("", False),
        (None, False),
    ],
)
def test_on_loopback_only_this_machines_names_are_answered(header: str | None, ours: bool) -> None:
    assert names_us(header, "127.0.0.1") is ours
    assert names_us(header, "0.0.0.0")


async def test_a_strangers_name_is_refused_everywhere() -> None:
    async with client() as http:
        for path in ("/", "/events", "/api/snapshot", "/healthz", "/style.css"):
            answer = await http.get(path, headers={"Host": "rebound.example"})
            assert answer.status == 403, path


async def test_headers_forbid_what_the_page_does_not_need() -> None:
    async with client() as http:
        for path in ("/", "/app.js", "/api/snapshot", "/nothing"):
            answer = await http.get(path)
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_page_has_nothing_from_elsewhere_and_nothing_inline() -> None:
    for path in PAGE.iterdir():
        text = path.read_text()
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), path.name
        if path.suffix == ".html":
            assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", text)
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text


async def test_nothing_but_the_login_takes_anything() -> None:
    async with client() as http:
        for path in ("/", "/events", "/api/snapshot", "/api/queries/q", "/healthz"):
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                assert (await http.request(method, path)).status == 405, (method, path)


async def test_with_a_key_only_its_holder_sees_anything() -> None:
    async with client(KEY, "0.0.0.0") as http:
        for path in ("/events", "/api/snapshot", "/api/queries/q", "/app.js", "/index.html"):
            assert (await http.get(path)).status == 401, path
            wrong = {"Authorization": "Bearer wrong"}
            assert (await http.get(path, headers=wrong)).status == 401, path
        first = await http.get("/", allow_redirects=False)
        assert (first.status, first.headers["Location"]) == (303, "/login")
        answer = await http.get("/api/snapshot", headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status == 200
        for path in ("/healthz", "/login", "/style.css"):
            assert (await http.get(path)).status == 200
        assert (await http.get("/readyz")).status == 503


async def test_the_login_gives_a_cookie_that_no_script_reads() -> None:
    async with client(KEY, "0.0.0.0") as http:
        refused = await http.post("/login", data={"key": "wrong"}, allow_redirects=False)
        assert refused.status == 403
        assert "That is not the key" in await refused.text()
        assert COOKIE not in refused.cookies
        given = await http.post("/login", data={"key": KEY}, allow_redirects=False)
        assert given.status == 303
        cookie = given.cookies[COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert KEY not in cookie.value
        headers = {"Cookie": f"{COOKIE}={cookie.value}"}
        assert (await http.get("/api/snapshot", headers=headers)).status == 200
        assert (await http.post("/login", data={"key": "x" * 5_000})).status == 413


def test_a_cookie_ends_by_itself_and_with_its_key() -> None:
    cookie = Sessions(KEY, lambda: NOW).cookie()
    until_at, _, mark = cookie.partition(".")
    assert Sessions(KEY, lambda: NOW + 1000).admits({}, cookie)
    assert not Sessions(KEY, lambda: NOW + LASTS_S * 1000).admits({}, cookie)
    assert not Sessions("another-key-that-is-long", lambda: NOW).admits({}, cookie)
    for forged in (f"{int(until_at) + 1}.{mark}", f"{until_at}.", "", "x", f"²{until_at}.{mark}"):
        assert not Sessions(KEY, lambda: NOW).admits({}, forged)


async def test_the_stream_begins_with_everything_and_gives_signs_of_life() -> None:
    async with client() as http:
        answer = await http.get("/events")
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = [(await answer.content.readline()).decode() for _ in range(9)]
        assert lines[0] == "retry: 2000\n"
        assert lines[2] == "event: snapshot\n"
        assert lines[6] == "event: beat\n"
        answer.close()


async def test_a_client_that_does_not_read_is_dropped() -> None:
    board = Board(SETTINGS, lambda: NOW)
    pusher = Pusher(board, every_s=0.001, patience_s=0.2)
    text = "x" * 250
    async with client(pusher=pusher) as http:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((http.server.host, http.server.port))
            slow.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda: pusher.clients == 1, "the client is there")
            for number in range(100_000):
                board.put("responses", response(f"{text}{number % 900}"), PLACE, NOW)
                if number % 300 == 0:
                    await asyncio.sleep(0.001)
                    if pusher.clients == 0:
                        break
            await until(lambda: pusher.clients == 0, "the client is dropped", 3)


def test_it_wants_a_key_where_others_can_reach_it() -> None:
    settings = Settings(dashboard=Dashboard(host="0.0.0.0"))
    with pytest.raises(SettingsError, match=r"dashboard\.key_variable or dashboard\.key_file"):
        build_dashboard(settings)
    named = Settings(dashboard=Dashboard(host="0.0.0.0", key_variable="PAGE_KEY"))
    with pytest.raises(SettingsError, match="PAGE_KEY is not set"):
        build_dashboard(named, environment={})


def test_a_key_has_one_source() -> None:
    flags = {"dashboard.key_variable": "PAGE_KEY", "dashboard.key_file": "/key"}
    with pytest.raises(SettingsError, match=r"dashboard\.key_file.* is one too many"):
        load(None, {}, flags)


def test_a_taken_port_is_told_before_anything_starts() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"dashboard\.port: 127\.0\.0\.1:{port} can't"):
            announced(Settings(dashboard=Dashboard(port=port)))
    assert announced(Settings(dashboard=Dashboard(port=port))) == f"http://127.0.0.1:{port}/"
    assert announced(Settings(dashboard=Dashboard(port=0))) is None
