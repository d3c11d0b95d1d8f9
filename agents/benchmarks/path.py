"""``zeta bench path``: query to answer at a steady rate, beside two bare hops and LiteLLM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager

from agents.benchmarks.figures import Row, over_runs, percentile
from agents.benchmarks.litellm_process import litellm_calls
from agents.benchmarks.loop import answers, ready, rules, simulated
from agents.benchmarks.processes import Running, running, yardstick
from agents.benchmarks.town import Town, town
from agents.benchmarks.worlds import names, query, sections
from agents.client import Client
from agents.comparison.litellm_library import check_litellm

MODEL = names("model", 1)[0]
ANSWERS_WITHIN_S = 60.0


async def bench_path(
    bootstrap: str, runs: int, rate: float, seconds: float, say: Callable[[str], None]
) -> Row:
    """Milliseconds from a query's send to its answer at the client, models without latency."""
    found = []
    check_litellm()
    for run in range(runs):
        say(f"path: run {run + 1} of {runs}")
        async with town(bootstrap, {}) as nowhere:
            with simulated(nowhere.directory) as endpoints:
                found.append(await _run(bootstrap, endpoints, nowhere, rate, seconds))
    return {
        "bench": "path",
        "runs": runs,
        "queries_per_s": rate,
        "seconds": seconds,
        **over_runs([{**run, **_ratios(run)} for run in found]),
    }


def _ratios(run: dict[str, float]) -> dict[str, float]:
    return {f"ratio_to_bare_hops_{at}": run[f"{at}_ms"] / run[f"bare_hops_{at}_ms"] for at in PARTS}


PARTS = ("p50", "p99")


async def _run(
    bootstrap: str, endpoints: list[str], nowhere: Town, rate: float, seconds: float
) -> dict[str, float]:
    made = sections(1, 1, endpoints=endpoints)
    async with town(bootstrap, made) as place:
        await rules(place, 1)
        async with ready(place, ["router", f"worker-{MODEL}"]) as roles:
            ours = await ask(place, rate, seconds, roles)
    async with town(bootstrap, made) as place, hops(place) as both:
        bare = await ask(place, rate, seconds, both)
    calls = round(rate * seconds)
    theirs = await litellm_calls(
        nowhere.directory, endpoints, calls, rate=rate, within_s=seconds + ANSWERS_WITHIN_S
    )
    return {
        **_parts("", ours),
        **_parts("bare_hops_", bare),
        **_parts("litellm_", theirs.took_s),
    }


def _parts(prefix: str, took_s: Sequence[float]) -> dict[str, float]:
    return {
        f"{prefix}p50_ms": 1000 * percentile(took_s, 0.5),
        f"{prefix}p99_ms": 1000 * percentile(took_s, 0.99),
    }


@asynccontextmanager
async def hops(place: Town) -> AsyncIterator[list[Running]]:
    """The two bare hops, both ready."""
    with ExitStack() as stack:
        processes = []
        for hop in ("first", "second"):
            command = yardstick("bare_hops", str(place.file), hop)
            process = stack.enter_context(running(f"hop-{hop}", command, place.directory))
            await asyncio.to_thread(process.wait_for, "hop is ready")
            processes.append(process)
        yield processes


async def ask(
    place: Town, rate: float, seconds: float, processes: Sequence[Running]
) -> list[float]:
    """Asks at an even rate; the seconds to each answer, without the first tenth of them.

    Raises:
        BenchError: as ``answers``.
    """
    total = round(rate * seconds)
    asked_s: dict[str, float] = {}
    took: dict[str, float] = {}
    clock = time.monotonic
    async with Client(place.settings) as client:
        queries = [query(number, 1, "p") for number in range(total)]

        async def send() -> None:
            began_s = clock()
            for number, one in enumerate(queries):
                await asyncio.sleep(max(0.0, began_s + number / rate - clock()))
                asked_s[one.query_id] = clock()
                await client.send(one)

        sending = asyncio.create_task(send())
        ids = {one.query_id for one in queries}
        try:
            async for answer in answers(client, ids, seconds + ANSWERS_WITHIN_S, processes):
                took[answer.query_id] = clock() - asked_s[answer.query_id]
            await sending
        finally:
            sending.cancel()
    return [took[one.query_id] for one in queries[total // 10 :]]
