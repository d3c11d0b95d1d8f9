"""One run: a cluster, the roles, the load, the faults; then drained, stopped and counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from streams.admin import create_topics
from streams.broker.cluster import Cluster
from streams.settings import Settings
from tests.chaos.asking import ask
from tests.chaos.census import Census
from tests.chaos.disk import SmallDisk
from tests.chaos.draining import Drain
from tests.chaos.faults import Injector
from tests.chaos.lines import answer_lines, metric_lines, product_lines
from tests.chaos.load import Load
from tests.chaos.models import Models
from tests.chaos.plan import Plan
from tests.chaos.processes import Death, Fleet
from tests.chaos.report import Line, Result, count, none_of
from tests.chaos.schedule import schedule
from tests.chaos.system import tables, write_settings
from tests.loop.watching import until

READY_S = 120.0
PROGRESS_S = 10.0
STUCK_S = 120.0
# As agents.supervising: `zeta up` gives up when one role dies so often in so short a time.
MOST_DEATHS = 5
DEATHS_WITHIN_S = 60.0

Say = Callable[[str], None]


@dataclass
class Town:
    """A whole system that runs: for chaos, and for whoever measures it otherwise."""

    plan: Plan
    settings: Settings
    config: Path
    cluster: Cluster
    models: Models
    fleet: Fleet
    disk: SmallDisk
    archive: Path


@asynccontextmanager
async def running(
    plan: Plan, cluster: Cluster, directory: Path, named: Callable[[str], bool], say: Say
) -> AsyncIterator[Town]:
    """Starts the models and every role on this cluster; all of it ends with the block."""
    async with AsyncExitStack() as stack:
        disk = SmallDisk(directory / "disk")
        stack.callback(disk.close)
        models = Models(plan.models, directory)
        stack.callback(models.close)
        await models.start()
        archive = disk.path / "archive"
        sections = tables(cluster.bootstrap, models, plan.models, directory, archive)
        config = directory / "zeta.toml"
        settings = write_settings(config, sections)
        await create_topics(settings)
        fleet = Fleet(config, directory)
        stack.callback(fleet.close)
        fleet.add(plan.seats(), named=named)
        fleet.start()
        supervisor = asyncio.create_task(fleet.supervise())
        stack.push_async_callback(_cancelled, supervisor)
        say(f"{len(fleet.seats)} processes of {len(plan.roles)} roles are starting")
        yield Town(plan, settings, config, cluster, models, fleet, disk, archive)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def chaos(plan: Plan, seed: int, cluster: Cluster, directory: Path, say: Say) -> Result:
    """One seed, from an empty cluster to the counts."""
    began = time.monotonic()
    faults = schedule(plan, seed)
    result = Result(seed, plan.queries, schedule=[asdict(fault) for fault in faults])
    async with running(plan, cluster, directory, _named_by(seed), say) as town:
        load = Load(town.settings.kafka, plan.rate)
        census = Census(town.settings)
        injector = Injector(town.fleet, town.models, cluster, town.disk, say)
        await load.start()
        try:
            await _warm(town)
            async with asyncio.TaskGroup() as group:
                group.create_task(injector.run(faults))
                telling = group.create_task(_tell(load, town.fleet, say))
                await load.run(ask(seed, n, plan.models) for n in range(plan.queries))
                await load.settle()
                telling.cancel()
        finally:
            await load.close()
        await census.reader.start()
        try:
            drain = Drain(town.settings.kafka, census, town.fleet, say)
            await drain.run(load.asked, plan.models, within_s=STUCK_S)
        finally:
            await census.reader.stop()
        result.late = drain.late
        result.faults = dict(injector.done)
        result.impossible = injector.impossible
        result.errors = census.answers.error_kinds()
        result.deaths = [_told(death, began) for death in town.fleet.deaths]
        result.lines = [
            *answer_lines(load, census),
            *metric_lines(load, census),
            *await product_lines(town.config, town.archive, census),
            *_fault_lines(town, injector),
        ]
    result.elapsed_s = round(time.monotonic() - began, 1)
    return result


def _named_by(seed: int) -> Callable[[str], bool]:
    """Two seats in three have a replica name, which ones depends on the seed."""
    return lambda name: sum(name.encode()) % 3 != seed % 3


async def _warm(town: Town) -> None:
    """Waits until every group has members: the load begins with a system that works."""
    logs = [town.fleet.log(seat) for seat in town.fleet.seats.values()]
    await until(
        lambda: all(" is ready" in log.read_text() for log in logs), "every role is ready", READY_S
    )


async def _tell(load: Load, fleet: Fleet, say: Say) -> None:
    while True:
        await asyncio.sleep(PROGRESS_S)
        sent = sum(load.asked.sorts.values())
        say(f"{sent} acknowledged, {load.waiting} under way, {fleet.restarts} restarts")


def _told(death: Death, began: float) -> str:
    return f"{death.at_s - began:.0f} s: {death.seat} ended with {death.code}: {death.said}"


def _fault_lines(town: Town, injector: Injector) -> list[Line]:
    fleet = town.fleet
    bad = [f"{seat}: {code}" for seat, code in fleet.exits.items() if code]
    return [
        count("processes killed", fleet.kills),
        count("processes started again", fleet.restarts),
        count("processes that ended by themselves", len(fleet.deaths)),
        count("archivers that waited for room", _said(town, "archiver", "waits for room")),
        none_of("roles that `zeta up` would have given up", _given_up(fleet.deaths)),
        none_of("processes that did not end well at SIGTERM", bad),
        count("brokers killed", injector.broker_kills),
        count("other controllers elected", injector.elections),
    ]


def _said(town: Town, role: str, words: str) -> int:
    """How often processes of a role have printed this."""
    logs = town.fleet.directory.glob(f"{role}-*.log")
    return sum(log.read_text(errors="replace").count(words) for log in logs)


def _given_up(deaths: list[Death]) -> list[str]:
    by_seat: dict[str, list[float]] = {}
    for death in deaths:
        by_seat.setdefault(death.seat, []).append(death.at_s)
    return [
        seat
        for seat, times in by_seat.items()
        if any(
            b - a < DEATHS_WITHIN_S for a, b in zip(times, times[MOST_DEATHS - 1 :], strict=False)
        )
    ]
