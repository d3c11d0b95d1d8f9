"""The loop that is measured: simulated models, roles as processes, rules in force."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence, Set
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from agents.benchmarks.processes import BenchError, Running, running, zeta
from agents.benchmarks.town import Town
from agents.benchmarks.worlds import instant_profile, names, rule
from agents.client import Client
from schemas.response import Response
from schemas.wire import encode
from streams.broker.ports import free_port_run


@contextmanager
def simulated(directory: Path, count: int = 1) -> Iterator[list[str]]:
    """Simulated models that answer at once, in one process; their addresses."""
    first = free_port_run(count)
    profile = directory / f"instant-{count}.toml"
    profile.write_text(instant_profile(count))
    command = zeta("sim-model", str(profile), "--port", str(first))
    ports = range(first, first + count)
    with running("sim-model", command, directory) as process:
        process.wait_for(f":{ports[-1]}")
        yield [f"http://127.0.0.1:{port}" for port in ports]


@asynccontextmanager
async def ready(place: Town, roles: Sequence[str]) -> AsyncIterator[list[Running]]:
    """Roles as processes, all of them ready, for as long as the block lasts."""
    with ExitStack() as stack:
        processes = [stack.enter_context(place.role(role, "--log-level", "info")) for role in roles]
        for process in processes:
            await asyncio.to_thread(process.wait_for, " is ready")
        yield processes


async def answers(
    client: Client, ids: Set[str], within_s: float, processes: Sequence[Running]
) -> AsyncIterator[Response]:
    """The answers to these queries, as they come.

    Raises:
        BenchError: an error answer, or not all are answered; or one of ``processes``, who should
            have done it, has ended.
    """
    left = len(ids)
    async for answer in client.answers(ids, within_s):
        if answer.error is not None:
            raise BenchError(f"an error answer: {answer.error.message}")
        left -= 1
        yield answer
    for process in processes:
        process.check()
    if left:
        raise BenchError(f"{left} of {len(ids)} queries weren't answered")


async def rules(place: Town, models: int) -> None:
    """Puts a rule for every task into force."""
    rows = [(name, rule(name, names("model", models))) for name in place.settings.tasks]
    await place.fill("rules", [(name.encode(), encode(row)) for name, row in rows])
