"""``zeta bench router``: records through one real router process, beside three yardsticks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from agents.benchmarks.figures import Row, over_runs, ratios
from agents.benchmarks.processes import BenchError, Running, running, yardstick
from agents.benchmarks.town import Progress, Town, committed, town
from agents.benchmarks.worlds import names, query_records, rule, sections
from agents.benchmarks.yardsticks.bare_router import GROUP as BARE
from schemas.wire import encode

Say = Callable[[str], None]

SEEN = re.compile(r"seen (\d+\.\d+) (\d+)")
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


async def rules(place: Town, models: int) -> None:
    """Puts a rule for every task into force."""
    rows = [(name, rule(name, names("model", models))) for name in place.settings.tasks]
    await place.fill("rules", [(name.encode(), encode(row)) for name, row in rows])


async def router_rate(place: Town, records: int) -> float:
    """Records per second of one router process."""
    with place.role("router", "--log-level", "warning") as process:
        progress = await committed(place, "router", records, process)
    return progress.rate(records)


async def _faust_rate(place: Town, way: str, records: int) -> float:
    data = place.directory / f"faust-{way}"
    data.mkdir()
    command = yardstick("faust_agent", str(place.file), way, str(data))
    with running(f"faust-{way}", command, place.directory) as process:
        return (await counted(process, records)).rate(records)


async def counted(process: Running, total: int, most_s: float = 120.0) -> Progress:
    """Follows a process that writes ``seen <instant> <how many>`` until it has seen ``total``.

    Raises:
        BenchError: it ended, or takes longer than ``most_s``.
    """

    async def all_seen() -> Progress:
        while True:
            process.check()
            progress = seen(process.log)
            if progress.samples and progress.samples[-1][1] >= total:
                return progress
            await asyncio.sleep(0.1)

    try:
        async with asyncio.timeout(most_s):
            return await all_seen()
    except TimeoutError as error:
        raise BenchError(f"{process.name} hasn't seen {total} within {most_s:g} s") from error


def seen(log: Path) -> Progress:
    """What such a process has written; Faust puts its own words before it."""
    found = SEEN.findall(log.read_text(errors="replace"))
    return Progress([(float(at_s), int(count)) for at_s, count in found])
