"""``zeta bench scale``: the router with more processes, partitions and models."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from agents.benchmarks.figures import Row, spread
from agents.benchmarks.loop import rules
from agents.benchmarks.progress import committed
from agents.benchmarks.town import town
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


async def bench_scale(bootstrap: str, runs: int, records: int, say: Callable[[str], None]) -> Row:
    """Records per second of all router processes together."""
    rows = []
    for processes, partitions, models in plans():
        say(f"scale: {processes} processes, {partitions} partitions, {models} models")
        found = []
        for _ in range(runs):
            async with town(bootstrap, sections(models, TASKS, partitions=partitions)) as place:
                await rules(place, models)
                await place.fill("queries", query_records(records, TASKS))
                with ExitStack() as stack:
                    started = [
                        stack.enter_context(place.role("router", "--log-level", "warning"))
                        for _ in range(processes)
                    ]
                    progress = await committed(place, "router", records, started[0])
                found.append(progress.rate(records, WARM))
        rows.append(
            {
                "processes": processes,
                "partitions": partitions,
                "models": models,
                "records_per_s": spread(found),
            }
        )
    return {"bench": "scale", "runs": runs, "records": records, "rows": rows}
