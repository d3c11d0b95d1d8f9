"""A role's own HTTP port: ``/metrics``, ``/healthz`` and ``/readyz`` (docs/observability.md).

It is up before the role's start and until after its end, in the role's own event loop: a loop
that hangs answers none of them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from agents.metering.process import describe_process
from agents.serving_key import OpenServerError, check_key, keyed
from streams.app import RoleApp
from streams.secret_source import read_token
from streams.settings import Metrics, SettingsError

CLOSE_S = 1.0
HIGHEST_PORT = 65_535
FLAG = "--metrics-port"


class MetricsPortError(RuntimeError):
    """The port for ``/metrics`` can't be had."""


@dataclass(frozen=True)
class Place:
    """Where to listen, and for whom; port 0: nowhere."""

    host: str
    port: int
    key: str | None = None


def place_of(
    section: Metrics, flag: int | None, environment: Mapping[str, str] = os.environ
) -> Place:
    """Where a role listens by its settings, or (with ``flag``) at that port.

    Raises:
        SettingsError: it would be open to everybody, or the key isn't there.
    """
    port = section.port if flag is None else flag
    if not port:
        return Place(section.host, 0)
    key = read_token("metrics.key", section.key_variable, section.key_file, environment)
    try:
        check_key(section.host, key, "metrics.key_variable or metrics.key_file")
    except OpenServerError as error:
        raise SettingsError("settings", "metrics.host", str(error)) from error
    return Place(section.host, port, key)


def ports_of(section: Metrics, flag: int | None, count: int) -> Sequence[int]:
    """The ports of so many roles on this machine: one after the other, or 0 for none at all.

    Raises:
        MetricsPortError: there are not so many.
    """
    first = section.port if flag is None else flag
    if first and first + count - 1 > HIGHEST_PORT:
        raise MetricsPortError(f"{FLAG} {first}: {count} roles need as many ports from there")
    return [first + place if first else 0 for place in range(count)]


@asynccontextmanager
async def serving(app: RoleApp, role: str, place: Place) -> AsyncIterator[None]:
    """Serves for as long as the block lasts; port 0: not at all.

    Raises:
        MetricsPortError: the port is taken.
    """
    if not place.port:
        yield
        return
    describe_process(app.registry, role, app.unready)
    web_app = web.Application(middlewares=[keyed(place.key)] if place.key else [])
    web_app.add_routes(_Operations(app, role).routes())
    runner = web.AppRunner(web_app, access_log=None, shutdown_timeout=CLOSE_S)
    await runner.setup()
    try:
        await _listen(runner, place)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, place: Place) -> None:
    try:
        await web.TCPSite(runner, place.host, place.port).start()
    except OSError as error:
        problem = os.strerror(error.errno or 0)
        message = f"{FLAG} {place.port}: {problem} on {place.host}; take another"
        raise MetricsPortError(message) from error


class _Operations:
    def __init__(self, app: RoleApp, role: str) -> None:
        self._app = app
        self._role = role

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/metrics", self.metrics),
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
        ]

    async def metrics(self, request: web.Request) -> web.Response:
        """What the role counts, as Prometheus asks for it."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        response = web.Response(body=encode(self._app.registry))
        response.headers["Content-Type"] = content_type
        response.enable_compression()
        return response

    async def alive(self, _: web.Request) -> web.Response:
        """That it is answered says that the loop turns."""
        return web.json_response({"role": self._role, "alive": True})

    async def ready(self, _: web.Request) -> web.Response:
        """Whether work can be done now; 503 with what is missing."""
        missing = self._app.unready()
        body = {"role": self._role, "ready": not missing, "missing": missing}
        return web.json_response(body, status=503 if missing else 200)
