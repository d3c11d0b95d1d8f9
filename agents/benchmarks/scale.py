"""``zeta bench scale``: the router with more processes, partitions and models."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from agents.benchmarks.figures import Row, spread
from agents.benchmarks.loop import rules
from agents.benchmarks.progress import committed
from agents.benchmarks.town import Broker, Town, town
from agents.benchmarks.worlds import query_records, sections

TASKS = 3
PROCESSES, PARTITIONS, MODELS = (1, 2, 4), (1, 4, 16, 64), (3, 20, 200)
STANDARD = (1, 4, 3)
WARM = 0.3
"""Several processes don't start at the same instant: so much of the records isn't counted."""


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
    """Records per second of all router processes together.

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
    await place.fill("queries", query_records(records, TASKS))
    with ExitStack() as stack:
        started = [
            stack.enter_context(place.role("router", "--log-level", "warning"))
            for _ in range(processes)
        ]
        progress = await committed(place, "router", records, started[0])
    return progress.rate(records, WARM)
