"""``zeta run dashboard``: the loop as a web page, live. It reads topics, and changes nothing.

It has no group and no state of its own: what the page shows is folded from the last records of the
topics, and a second dashboard shows the same. Whoever may see the page sees queries' texts.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

from aiohttp import web
from mode import Service

from agents.board.board import Board
from agents.board.following import Follower, Past
from agents.board.lookup import Finder
from agents.board.measuring import Measurer
from agents.board.pages import Pages
from agents.board.pushing import Pusher
from agents.board.sessions import Sessions
from agents.serving_key import OpenServerError, check_key
from schemas.wire import Event
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.consuming import Record
from streams.redrive.mark import Place
from streams.secret_source import read_token
from streams.settings import Settings, SettingsError

ROLE = "dashboard"

HOUR_S = 3600.0
SHUTDOWN_S = 1.0
PASTS: Mapping[str, Past] = {
    "rules": Past(),
    "model-status": Past(),
    "rules-log": Past(HOUR_S, 5_000),
    "scores": Past(HOUR_S, 2_000),
    "responses": Past(HOUR_S, 2_000, replayed=True),
    "reroutes": Past(HOUR_S, 2_000, replayed=True),
    "metrics": Past(HOUR_S, 10_000, replayed=True),
    "feedback": Past(HOUR_S, 2_000, replayed=True),
    "dead-letters": Past(7 * 24 * HOUR_S, 1_000, replayed=True),
}
"""What is read, and from how far back."""


class PortTakenError(RuntimeError):
    """The page's port can't be had; the message says which setting to change."""


class Dashboard(Service):
    """The HTTP server; ``url`` is where it listens once it has started.

    Raises:
        PortTakenError: at start.
    """

    def __init__(self, settings: Settings, pages: Pages, pusher: Pusher) -> None:
        super().__init__()
        self._host, self._port = settings.dashboard.host, settings.dashboard.port
        self._pages = pages
        self._pusher = pusher
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def on_start(self) -> None:
        self._runner = web.AppRunner(
            self._pages.application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_S,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            raise _taken(self._host, self._port, error) from error
        self.url = page_url(self._host, int(self._runner.addresses[0][1]))
        # With any free port nobody else knows it.
        level = logging.INFO if self._port else logging.WARNING
        logging.getLogger(__name__).log(level, "the dashboard is at %s", self.url)

    async def on_stop(self) -> None:
        self._pusher.stop()
        if self._runner is not None:
            await self._runner.cleanup()


def announced(settings: Settings) -> str | None:
    """Where the page will be, before it is; None where any free port will do.

    Raises:
        PortTakenError: somebody else listens there.
    """
    host, port = settings.dashboard.host, settings.dashboard.port
    if not port:
        return None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server will: what has just ended doesn't keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _taken(host, port, error) from error
    return page_url(host, port)


def _taken(host: str, port: int, error: OSError) -> PortTakenError:
    return PortTakenError(
        f"dashboard.port: {host}:{port} can't be had ({error.strerror}); set another, or "
        "dashboard.enabled = false"
    )


def page_url(host: str, port: int) -> str:
    """Where a browser finds the page."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def build_dashboard(
    settings: Settings,
    replica: str = "",  # noqa: ARG001
    now_ms: NowMs = now_ms,
    environment: Mapping[str, str] = os.environ,
) -> RoleApp:
    """The process: the readers, and the server of what they have read.

    Raises:
        SettingsError: the page would be open to everybody, or its key isn't where it should be.
    """
    board = Board(settings, now_ms)

    def put(topic: str, event: Event, record: Record) -> None:
        board.put(topic, event, Place(record.partition, record.offset), record.timestamp)

    follower = Follower(settings.kafka, PASTS, put, board.put_unreadable, now_ms)
    measurer = Measurer(settings, board.put_flow)
    pusher = Pusher(board)
    app = build_app(settings, ROLE)
    pages = Pages(
        settings.dashboard.host,
        Sessions(_key(settings, environment), now_ms),
        board,
        pusher,
        Finder(settings.kafka, list(settings.models)),
        app.unready,
    )
    # Not the outbox: it sends nothing.
    app.before_agents = (Dashboard(settings, pages, pusher), follower, measurer)
    return app


def _key(settings: Settings, environment: Mapping[str, str]) -> str | None:
    section = settings.dashboard
    key = read_token("dashboard.key", section.key_variable, section.key_file, environment)
    try:
        check_key(section.host, key, "dashboard.key_variable or dashboard.key_file")
    except OpenServerError as error:
        raise SettingsError("settings", "dashboard.host", str(error)) from error
    return key
