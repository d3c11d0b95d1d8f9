"""``zeta bench router``: records through one real router process, beside three yardsticks."""

from __future__ import annotations

from collections.abc import Callable

from agents.benchmarks.figures import Row, over_runs, ratios
from agents.benchmarks.loop import rules
from agents.benchmarks.processes import running, yardstick
from agents.benchmarks.progress import committed, counted
from agents.benchmarks.town import Town, town
from agents.benchmarks.worlds import query_records, sections
from agents.benchmarks.yardsticks.bare_router import GROUP as BARE

Say = Callable[[str], None]

MODELS = TASKS = 3
FAUST_SHARE = 4
"""Faust gets one in so many records: it takes longer, and its rate doesn't depend on them."""

UNDER = ("bare_loop_per_s", "faust_empty_per_s", "faust_tutorial_per_s")


async def bench_router(bootstrap: str, runs: int, records: int, say: Say) -> Row:
    """Records per second of each, by what it has committed; Faust by its own count."""
    found = []
    for run in range(runs):
        say(f"router: run {run + 1} of {runs}")
        figures = {"records_per_s": 0.0, "bare_loop_per_s": 0.0}
        async with town(bootstrap, sections(MODELS, TASKS)) as place:
            await rules(place, MODELS)
            await place.fill("queries", query_records(records, TASKS))
            figures["records_per_s"] = await router_rate(place, records)
            bare = yardstick("bare_router", str(place.file))
            with running("bare-router", bare, place.directory) as process:
                progress = await committed(place, BARE, records, process)
                figures["bare_loop_per_s"] = progress.rate(records)
        for way in ("empty", "tutorial"):
            few = records // FAUST_SHARE
            async with town(bootstrap, sections(MODELS, TASKS)) as place:
                await place.fill("queries", query_records(few, TASKS))
                figures[f"faust_{way}_per_s"] = await _faust_rate(place, way, few)
        found.append(figures)
    return {
        "bench": "router",
        "runs": runs,
        "records": records,
        **over_runs(found),
        **ratios(found, "records_per_s", UNDER),
    }


async def router_rate(place: Town, records: int) -> float:
    """Records per second of one router process."""
    with place.role("router", "--log-level", "warning") as process:
        progress = await committed(place, "router", records, process)
    return progress.rate(records)


async def _faust_rate(place: Town, way: str, records: int) -> float:
    data = place.directory / f"faust-{way}"
    data.mkdir()
    command = yardstick("faust_agent", str(place.file), way, str(data), str(records))
    with running(f"faust-{way}", command, place.directory) as process:
        return (await counted(process, records)).rate(records)
