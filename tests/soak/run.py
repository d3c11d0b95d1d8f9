"""One soak: how much it takes, a steady part of that for long, far too much, and the count."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from streams.admin import create_topics
from streams.settings import Settings
from tests.chaos.census import Census
from tests.chaos.draining import Drain
from tests.chaos.lines import answer_lines, metric_lines, product_lines
from tests.chaos.load import Load
from tests.chaos.models import Models
from tests.chaos.processes import Fleet
from tests.chaos.report import Line
from tests.chaos.system import tables, write_settings
from tests.soak.memory import Memory
from tests.soak.phases import Client
from tests.soak.report import Quantiles, Resident, Result
from tests.soak.watching import Watch, quantile

MODELS = ("alpha-7b", "beta-14b", "gamma-4b")
ROLES = ("router", "grader", "aggregator", "tuner", "archiver")
READY_S = 60.0
HORIZON_S = 120.0
"""Of de-duplication: what it remembers grows for so long, by default for an hour."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How long each phase lasts, in seconds, and how hard it is.

    ``outstanding`` queries are kept unanswered while the capacity is measured; ``share`` of it is
    the steady load, ``times`` it the overload.
    """

    capacity_s: float = 60.0
    outstanding: int = 200
    share: float = 0.6
    steady_s: float = 900.0
    times: float = 3.0
    overload_s: float = 60.0
    catch_up_s: float = 600.0


@dataclass
class Place:
    """A system that runs, all roles once, on one broker."""

    settings: Settings
    config: Path
    models: Models
    fleet: Fleet
    archive: Path


@asynccontextmanager
async def place(bootstrap: str, directory: Path) -> AsyncIterator[Place]:
    """Starts it; all of it ends with the block."""
    async with AsyncExitStack() as stack:
        models = Models(MODELS, directory)
        stack.callback(models.close)
        await models.start()
        archive = directory / "archive"
        sections = tables(bootstrap, models, MODELS, directory, archive)
        sections["kafka"]["prefix"] = "soak-"
        sections["windows"]["horizon_s"] = HORIZON_S
        sections["archive"]["roll_s"] = 30.0
        config = directory / "zeta.toml"
        settings = write_settings(config, sections)
        await create_topics(settings)
        fleet = Fleet(config, directory, log_level="warning")
        stack.callback(fleet.close)
        seats = [*ROLES, *(f"worker-{name}" for name in MODELS)]
        fleet.add(((role, 0) for role in seats), named=lambda _: True)
        fleet.start()
        stack.push_async_callback(_cancelled, asyncio.create_task(fleet.supervise()))
        yield Place(settings, config, models, fleet, archive)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def soak(plan: Plan, bootstrap: str, directory: Path, say: Say) -> Result:
    """From an empty broker to the counts."""
    async with place(bootstrap, directory) as town:
        kafka = town.settings.kafka
        watch = Watch(kafka)
        memory = Memory(town.fleet.pids)
        load = Load(kafka, 1.0)
        await load.start()
        try:
            async with asyncio.TaskGroup() as group:
                watching = [group.create_task(work) for work in (watch.run(), memory.run())]
                result = await _phases(plan, Client.of(load, watch), memory, say)
                await load.settle()
                for task in watching:
                    task.cancel()
        finally:
            await load.close()
        result.deaths = [f"{death.seat}: exit {death.code}" for death in town.fleet.deaths]
        result.errors = watch.errors
        result.lines, result.late = await _counted(town, load, say)
    return result


async def _phases(plan: Plan, client: Client, memory: Memory, say: Say) -> Result:
    watch = client.watch
    async with asyncio.timeout(READY_S):
        await client.steady(5.0, 2.0)
        await client.catch_up(READY_S)
    say("all roles work; measuring what they can take")
    capacity = await client.saturate(plan.outstanding, plan.capacity_s)
    await client.catch_up(plan.catch_up_s)
    say(f"{capacity:.0f} queries/s; now {capacity * plan.share:.0f}/s for {plan.steady_s:.0f} s")
    began_s, ended_s = await client.steady(capacity * plan.share, plan.steady_s)
    await client.catch_up(plan.catch_up_s)
    thirds = [began_s + (ended_s - began_s) * part / 3 for part in range(4)]
    times = [
        Quantiles.of(watch.between(first, last), quantile)
        for first, last in itertools.pairwise(thirds)
    ]
    resident = {
        name: Resident(*memory.growth(name, began_s, ended_s)) for name in sorted(memory.samples)
    }
    say(f"{capacity * plan.times:.0f}/s for {plan.overload_s:.0f} s")
    over_s, _ = await client.steady(capacity * plan.times, plan.overload_s)
    backlog = len(watch.unanswered)
    say(f"{backlog} wait; catching up")
    caught_up_s = await client.catch_up(plan.catch_up_s)
    peaks = {
        name: max(memory.between(name, over_s, memory.clock()), default=0.0) for name in resident
    }
    return Result(
        plan=plan,
        capacity=capacity,
        steady=times,
        resident=resident,
        peaks=peaks,
        backlog=backlog,
        caught_up_s=caught_up_s,
    )


async def _counted(town: Place, load: Load, say: Say) -> tuple[list[Line], list[str]]:
    census = Census(town.settings)
    await census.reader.start()
    drain = Drain(town.settings.kafka, census, town.fleet, say)
    try:
        await drain.run(load.asked, MODELS, within_s=300.0)
        product = await product_lines(town.config, town.archive, census)
        return [*answer_lines(load, census), *metric_lines(load, census), *product], drain.late
    finally:
        await census.reader.stop()
