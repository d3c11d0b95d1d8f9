"""One Faust App per process, made by a factory: nothing lives at module level."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

import faust
from faust.app.base import BootStrategy
from mode import Service
from mode.types import ServiceT
from prometheus_client import CollectorRegistry

from streams.collecting import collect_seldom
from streams.denials import told
from streams.metering import RoleMeters
from streams.producing import Outbox
from streams.settings import Settings
from streams.tracing import Tracing

logger = logging.getLogger(__name__)


@runtime_checkable
class Readiness(Protocol):
    """A service that can tell whether it can do its work now."""

    def unready(self) -> str | None:
        """What is missing, in words; None: nothing."""


class RoleBoot(BootStrategy):
    """Starts our services around the agents, and nothing of Faust's own consumer or producer."""

    def server(self) -> Iterable[ServiceT]:
        """In starting order; they stop in the reverse order, so that work in flight can finish."""
        app = self.app
        assert isinstance(app, RoleApp)
        return [*app.before_agents, app.agents, *app.after_agents]


class RoleApp(faust.App):
    """A Faust App that reads through an ``Intake`` and writes through an ``Outbox``.

    ``before_agents``: readers and the outbox, started first and stopped last;
    ``after_agents``: what brings work (the intake, timers), started last and stopped first.
    Faust's consumer, producer, tables and web server are not used (docs/delivery.md).
    """

    BootStrategy = RoleBoot
    before_agents: tuple[Service, ...] = ()
    after_agents: tuple[Service, ...] = ()

    outbox: Outbox
    registry: CollectorRegistry
    meters: RoleMeters
    tracing: Tracing
    _complete = False

    def unready(self) -> list[str]:
        """What keeps this process from its work, in words; empty: nothing does."""
        if self.crashed:
            return ["crashed"]
        if self.should_stop:
            return ["draining: work in flight is finished, nothing more is begun"]
        missing = [] if self._complete else ["the start is not complete"]
        return [*missing, *self._missing()]

    def _missing(self) -> Iterator[str]:
        for service in (*self.before_agents, *self.after_agents):
            if isinstance(service, Readiness) and (why := service.unready()) is not None:
                yield why

    async def on_first_start(self) -> None:
        """Faust's own would make a data directory, which nothing here uses."""

    async def on_start(self) -> None:
        self.finalize()
        self.flow_control.resume()

    async def on_started(self) -> None:
        self._complete = True
        logger.info("%s is ready", self.conf.id)

    async def on_stop(self) -> None:
        """Faust's own would stop a consumer and a producer that were never started."""


def build_app(settings: Settings, role: str) -> RoleApp:
    """An App named after its role, with an outbox; the role adds what else it needs."""
    app = RoleApp(
        settings.kafka.prefix + role,
        broker=f"kafka://{settings.kafka.bootstrap}",
        web_enabled=False,
        store="memory://",
    )
    app.registry = CollectorRegistry()
    app.meters = RoleMeters(app.registry)
    app.tracing = Tracing()
    app.outbox = Outbox(settings.kafka, client_id=settings.kafka.prefix + role, meters=app.meters)
    app.before_agents = (app.outbox,)
    return app


async def run_app(app: RoleApp) -> int:
    """Runs until SIGTERM or SIGINT (drains, 0) or a crash or a failed start (1).

    A signal during the start, which may wait long for the consumer group, ends it at once.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    starting = asyncio.create_task(app.start())
    await app.wait_first(_settled(starting), stop.wait())
    if starting.done() and (error := starting.exception()):
        await app.crash(error)
    elif starting.done():
        collect_seldom()
        await app.wait_first(stop.wait())
    starting.cancel()
    await _settled(starting)
    await app.stop()
    if app.crash_reason is not None:
        logger.error("%s ended: %s", app.conf.id, told(app.crash_reason))
        return 1
    return 0


async def _settled(task: asyncio.Task[None]) -> None:
    """Waits for the end of a task, whatever it is, and leaves the task alone."""
    await asyncio.wait({task})
