"""``zeta bench scale``: the router with more processes, partitions and models."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from agents.benchmarks.figures import Row, spread
from agents.benchmarks.loop import rules
from agents.benchmarks.processes import BenchError, Running
from agents.benchmarks.progress import committed, shared
from agents.benchmarks.town import Broker, Town, town
from agents.benchmarks.worlds import query_records, sections

TASKS = 3
PROCESSES, PARTITIONS, MODELS = (1, 2, 4), (1, 4, 16, 64), (3, 20, 200)
STANDARD = (1, 4, 3)
ASLEEP_S = 30.0
"""So long the group waits for members that sleep while the topic is filled."""
LEAST_SHARE = 0.4
"""Of the mean, in processor time: a process that had less didn't take part."""


def plans() -> list[tuple[int, int, int]]:
    """(processes, partitions, models): one of them varied at a time."""
    processes, partitions, models = STANDARD
    varied = [(each, max(partitions, each), models) for each in PROCESSES]
    varied += [(processes, each, models) for each in PARTITIONS]
    varied += [(processes, partitions, each) for each in MODELS]
    return list(dict.fromkeys(varied))


async def bench_scale(
    open_broker: Callable[[], AbstractContextManager[Broker]],
    runs: int,
    records: int,
    say: Callable[[str], None],
) -> Row:
    """Records per second of all router processes together, without the first tenth.

    They join before there are records, and sleep while the topic is filled: the first to join
    would be done before the others had any partitions.

    Each run has a broker of its own where that can be: one that has just had a thousand partitions
    made and deleted is slower for minutes (64 partitions: 10,000 records/s instead of 37,000).
    """
    rows = []
    for processes, partitions, models in plans():
        say(f"scale: {processes} processes, {partitions} partitions, {models} models")
        found = []
        for _ in range(runs):
            with open_broker() as broker:
                made = sections(models, TASKS, partitions=partitions)
                made["kafka"]["session_timeout_s"] = ASLEEP_S
                async with town(broker.bootstrap, made) as place:
                    found.append(await _rate(place, processes, models, records))
        rows.append(
            {
                "processes": processes,
                "partitions": partitions,
                "models": models,
                "records_per_s": spread(found),
            }
        )
    return {"bench": "scale", "runs": runs, "records": records, "rows": rows}


async def _rate(place: Town, processes: int, models: int, records: int) -> float:
    await rules(place, models)
    with ExitStack() as stack:
        started = [
            stack.enter_context(place.role("router", "--log-level", "warning"))
            for _ in range(processes)
        ]
        await shared(place, "router", *started)
        with asleep(started):
            await place.fill("queries", query_records(records, TASKS))
        before = [process.cpu_s() for process in started]
        progress = await committed(place, "router", records, *started)
        took = [now.cpu_s() - was for now, was in zip(started, before, strict=True)]
    if min(took) < LEAST_SHARE * sum(took) / processes:
        raise BenchError(f"one of {processes} routers had {min(took):g} of {sum(took):g} s to do")
    return progress.rate(records)


@contextmanager
def asleep(processes: Sequence[Running]) -> Iterator[None]:
    """They stand still within the block."""
    for process in processes:
        process.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.process.send_signal(signal.SIGCONT)
