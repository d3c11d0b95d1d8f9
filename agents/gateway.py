"""``zeta run gateway``: OpenAI's HTTP API in front of the router (docs/gateway.md).

A request becomes a query on ``queries`` whose ``reply_to`` is this process; it is acknowledged
before anybody waits. The answer comes on ``responses``, a stream's pieces on ``chunks`` before it.
Nothing is held that a restart would have to know: clients ask again.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web
from mode import Service

from agents.serving.answers import Answers
from agents.serving.application import application
from agents.serving.front import Front
from agents.serving.keys import read_keys
from agents.serving.limits import Limits
from agents.serving.meters import GatewayMeters
from agents.serving.sending import Sender
from agents.serving.waiting import Waiting
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.settings import Settings

ROLE = "gateway"

CLOSE_S = 1.0


class GatewayPortError(RuntimeError):
    """The address can't be listened on."""


class Gateway(Service):
    """Listens from its start; at its stop it first finishes what waits, within ``drain_s``.

    Raises:
        GatewayPortError: at the start.
    """

    def __init__(self, front: Front) -> None:
        super().__init__()
        self._front = front
        self._section = front.settings.gateway
        self._drain_s = front.settings.kafka.drain_s
        self._runner: web.AppRunner
        self._site: web.TCPSite | None = None

    async def on_start(self) -> None:
        # Cancelled when the client leaves: that is how its query is cancelled, too.
        self._runner = web.AppRunner(
            application(self._front),
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=CLOSE_S,
        )
        await self._runner.setup()
        host, port = self._section.host, self._section.port
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            message = f"gateway.host {host}, gateway.port {port}: {error.strerror or error}"
            raise GatewayPortError(message) from error
        self._site = site
        self.log.info("%s is listening on %s:%s", ROLE, host, self.port)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._runner.addresses[0][1])

    async def on_stop(self) -> None:
        if self._site is None:
            return
        await self._site.stop()
        waiting = self._front.waiting
        waiting.refuse()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                await waiting.emptied()
        waiting.close()
        await self._runner.cleanup()


def build_gateway(
    settings: Settings,
    replica: str = "",
    now_ms: NowMs = now_ms,
    environment: Mapping[str, str] = os.environ,
) -> RoleApp:
    """The process: the sender, the reader of answers, the HTTP server.

    Raises:
        SettingsError: keys that can't be had, or none where one is needed.
    """
    app = build_app(settings, ROLE)
    section = settings.gateway
    address = f"{replica or ROLE}-{uuid.uuid4().hex}"
    waiting = Waiting(section.max_waiting, settings.kafka.max_record_bytes)
    sender = Sender(settings.kafka, client_id=settings.kafka.prefix + ROLE)
    answers = Answers(settings.kafka, address, waiting)
    front = Front(
        settings=settings,
        address=address,
        keys=read_keys(section, environment),
        limits=Limits(section.requests_per_minute),
        waiting=waiting,
        answers=answers,
        sender=sender,
        meters=GatewayMeters(app.registry, lambda: len(waiting)),
        tracing=app.tracing,
        now_ms=now_ms,
        started_at=now_ms(),
    )
    app.before_agents = (sender, answers)
    app.after_agents = (Gateway(front),)
    return app
