"""The HTTP side: the page's files, its data, who may have them. GET, except to log in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, Final

import msgspec
from aiohttp import web

from agents.board.board import Board
from agents.board.decisions import LONGEST_ID
from agents.board.lookup import Finder
from agents.board.pushing import Pusher
from agents.board.sessions import COOKIE, LASTS_S, Sessions, names_us
from agents.board.story import story

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Unready = Callable[[], list[str]]

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/style.css", "/theme.js", "/icon.svg"})
MOST_WAITING = 8
LARGEST_FORM_BYTES = 4096
REFUSED = b'<p class="refused" role="alert">That is not the key.</p>'
TYPES: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
HEADERS: Final = {
    "Server": "zeta",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Pages:
    """What is answered to whom.

    Args:
        host: where the server listens: on loopback only this machine's names are answered.
        sessions: who has the key.
        unready: what keeps the page from showing the present; empty: nothing does.
    """

    def __init__(
        self,
        host: str,
        sessions: Sessions,
        board: Board,
        pusher: Pusher,
        finder: Finder,
        unready: Unready,
    ) -> None:
        self._host = host
        self._sessions = sessions
        self._board = board
        self._pusher = pusher
        self._finder = finder
        self._unready = unready
        self._waiting = 0
        self._files = dict(_page_files())

    def application(self) -> web.Application:
        """The application, to be run by the role."""
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST_FORM_BYTES)
        app.on_response_prepare.append(_add_headers)
        app.add_routes(
            [
                web.get("/", self._file),
                web.get("/events", self._pusher.events, allow_head=False),
                web.get("/api/snapshot", self._snapshot),
                web.get("/api/session", self._session),
                web.get("/api/queries", self._story),
                web.get("/api/queries/{id:.+}", self._story),
                web.get("/healthz", self._healthy),
                web.get("/readyz", self._ready),
                web.get("/login", self._login_page),
                web.post("/login", self._login),
                web.get("/{name}", self._file),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not names_us(request.headers.get("Host"), self._host):
            raise web.HTTPForbidden(text="this name is not one of this machine")
        if request.path in OPEN_PATHS:
            return await handler(request)
        if self._sessions.admits(request.headers, request.cookies.get(COOKIE)):
            return await handler(request)
        if request.path == "/":
            raise web.HTTPSeeOther("/login")
        raise web.HTTPUnauthorized(text="a key is needed", headers={"WWW-Authenticate": "Bearer"})

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        if name not in self._files:
            raise web.HTTPNotFound(text="there is no such page")
        return self._page(name)

    def _page(self, name: str) -> web.Response:
        return web.Response(
            body=self._files[name],
            content_type=TYPES[_ending(name)],
            charset="utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    async def _snapshot(self, _: web.Request) -> web.Response:
        return _json(self._board.snapshot())

    async def _session(self, _: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _story(self, request: web.Request) -> web.Response:
        # Also as ?id=, since a browser makes a shorter path of an id such as "..".
        query_id = request.match_info.get("id") or request.query.get("id", "")
        if not query_id or len(query_id) > LONGEST_ID or not _is_text(query_id):
            raise web.HTTPNotFound(text="no query has such an id")
        if self._waiting >= MOST_WAITING:
            raise web.HTTPServiceUnavailable(
                text="too many look-ups wait already", headers={"Retry-After": "5"}
            )
        self._waiting += 1
        try:
            found = await self._finder.find(query_id, self._board.decisions.get(query_id))
        finally:
            self._waiting -= 1
        return _json(story(found))

    async def _healthy(self, _: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _ready(self, _: web.Request) -> web.Response:
        missing = self._unready()
        if not missing:
            return _json({"status": "ready"})
        return _json({"status": "not ready", "missing": missing}, status=503)

    async def _login_page(self, _: web.Request) -> web.Response:
        return self._page("login.html")

    async def _login(self, request: web.Request) -> web.Response:
        """The one POST: it gives a cookie to whoever shows the key."""
        form = await request.post()
        given = form.get("key", "")
        if not isinstance(given, str) or not self._sessions.opens(given):
            response = self._page("login-again.html")
            response.set_status(403)
            return response
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            COOKIE,
            self._sessions.cookie(),
            max_age=LASTS_S,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        return response


def _page_files() -> list[tuple[str, bytes]]:
    folder = files("agents.board") / "page"
    found = [(one.name, one.read_bytes()) for one in folder.iterdir() if _ending(one.name) in TYPES]
    page = dict(found)["login.html"]
    again = page.replace(b"<!-- refused -->", REFUSED)
    return [*found, ("login-again.html", again)]


def _ending(name: str) -> str:
    return name.rpartition(".")[2]


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers[name] = value


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
