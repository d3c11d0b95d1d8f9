"""The real loop on the secured broker: each role a process with its own name and rights."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from schemas.wire import Event
from streams.access import PRINCIPAL, Grant, grants
from streams.admin import create_topics
from streams.broker.ports import free_ports
from streams.settings import Settings, load
from streams.tables import read_all
from tests.loop.system import Process, System, system_at
from tests.loop.watching import until
from tests.security.acls import Acls
from tests.security.broker import MODELS, PREFIX, ROLES, Secured, variables

E = TypeVar("E", bound=Event)

POLL_S = 0.1
WITHIN_S = 60.0

CERTIFIED = ("router", "aggregator", "worker-plain")
"""Roles that show a certificate; the others have a password."""


def principal(role: str) -> str:
    """As ``zeta topics acls`` names it by default, and as certificate and user are named."""
    return f"{PRINCIPAL}{role}"


class SecuredSystem:
    """A system whose topics an ``admin`` made, and whose rows ``acls`` can change."""

    def __init__(self, secure: Secured, system: System) -> None:
        self.secure = secure
        self.system = system
        self.acls = Acls(secure.broker.bootstrap)
        self.processes: dict[str, Process] = {}

    def settings(self, role: str) -> Settings:
        """The settings with the role's own name and password."""
        return load(self.system.file, variables(self.secure.scram(f"zeta-{role}")))

    def certified(self, role: str) -> dict[str, str]:
        """Variables of the role with a certificate instead."""
        return variables(self.secure.mutual(self.secure.authority.issue(f"zeta-{role}")))

    def named(self, role: str) -> dict[str, str]:
        """Variables of the role with its name and password."""
        return variables(self.secure.scram(f"zeta-{role}"))

    def grant(self, role: str, name: str) -> Grant:
        """The role's row about this resource (without the prefix)."""
        rows = grants(self.system.settings, role)
        return next(row for row in rows if row.name == PREFIX + name)

    async def prepare(self) -> None:
        """Gives everyone the table's rows; the admin makes the topics."""
        self.system.write()
        settings = self.system.settings
        named = ("client", "operator", "admin", *ROLES)
        rows = [(row, principal(role)) for role in named for row in grants(settings, role)]
        await self.acls.give(rows)
        await create_topics(self.settings("admin"))
        await self.system.prepare()

    async def start(self, *roles: str) -> None:
        """Starts roles as processes; returns when all are ready."""
        for role in roles:
            who = self.certified(role) if role in CERTIFIED else self.named(role)
            self.processes[role] = self.system.spawn("run", role, "--replica", "0", **who)
        started = [self.processes[role] for role in roles]
        await until(lambda: all(process.ready for process in started), "all are ready", 60.0)

    async def until(
        self, topic: str, kind: type[E], happened: Callable[[Sequence[E]], bool]
    ) -> None:
        """Waits for records of the topic, in which others may be that are none of this kind."""
        deadline = time.monotonic() + WITHIN_S
        kafka = self.system.settings.kafka
        while not happened(rows := [row for _, row in await read_all(kafka, topic, kind)]):
            assert time.monotonic() < deadline, f"{topic} has {rows[-5:]}"
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def secured_system(secure: Secured, directory: Path) -> AsyncIterator[SecuredSystem]:
    """Two chat models, each of which fails now and then; an archive; nothing runs yet."""
    async with system_at(secure.broker.bootstrap, PREFIX, directory) as system:
        for model in MODELS:
            await system.chat_sim(model, error_rate=0.3)
        system.tables["archive"] = {"directory": str(directory / "archive"), "roll_s": 1.0}
        dashboard, gateway = free_ports(2)
        system.tables["dashboard"] = {"port": dashboard}
        system.tables["gateway"] = {"port": gateway}
        made = SecuredSystem(secure, system)
        await made.prepare()
        yield made


async def ended(process: Process) -> int:
    """The exit code of a process that ends by itself."""
    poll = process.process.poll
    await until(lambda: poll() is not None, "the process ends", 30.0)
    return int(await asyncio.to_thread(process.process.wait))
