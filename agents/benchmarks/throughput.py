"""``zeta bench throughput``: the whole loop under as much load as it takes, beside LiteLLM."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from agents.benchmarks.figures import Row, over_runs
from agents.benchmarks.path import ready
from agents.benchmarks.processes import BenchError, running, yardstick
from agents.benchmarks.router import rules
from agents.benchmarks.town import Town, town
from agents.benchmarks.worker import simulated
from agents.benchmarks.worlds import names, query, sections
from agents.client import Client

MODELS = TASKS = 3
AT_ONCE = 64
WITHIN_S = 120.0
LOOP = ["router", *(f"worker-{name}" for name in names("model", MODELS)), "grader", "aggregator"]


async def bench_throughput(
    bootstrap: str, runs: int, queries: int, say: Callable[[str], None]
) -> Row:
    """Queries per second with 64 unanswered at a time, and processor time per query.

    Ours is that of all the loop's processes; the client's and the simulated models' are apart, as
    is the broker's, which isn't measured where it is somebody else's. LiteLLM's process is its
    client, too.
    """
    found = []
    for run in range(runs):
        say(f"throughput: run {run + 1} of {runs}")
        async with town(bootstrap, {}) as nowhere:
            with simulated(nowhere.directory, MODELS) as (endpoint, _):
                host, _, port = endpoint.rpartition(":")
                endpoints = [f"{host}:{int(port) + number}" for number in range(MODELS)]
                made = sections(MODELS, TASKS, endpoints=endpoints)
                async with town(bootstrap, made) as place:
                    await rules(place, MODELS)
                    ours = await _ours(place, queries)
                theirs = await _theirs(nowhere, endpoints, queries)
        ratio = theirs["litellm_cpu_ms_per_query"] / ours["cpu_ms_per_query"]
        found.append({**ours, **theirs, "litellm_cpu_over_ours": ratio})
    return {
        "bench": "throughput",
        "runs": runs,
        "queries": queries,
        "unanswered_at_a_time": AT_ONCE,
        **over_runs(found),
    }


async def _ours(place: Town, total: int) -> dict[str, float]:
    async with ready(place, LOOP) as processes:
        async with Client(place.settings) as client:
            await _closed_loop(client, "warm", total // 10)
            cpu_s = {process.name: process.cpu_s() for process in processes}
            client_s, began_s = time.process_time(), time.monotonic()
            await _closed_loop(client, "run", total)
            wall_s = time.monotonic() - began_s
            client_s = time.process_time() - client_s
        took_s = sum(process.cpu_s() - cpu_s[process.name] for process in processes)
    return {
        "queries_per_s": total / wall_s,
        "cpu_ms_per_query": 1000 * took_s / total,
        "client_cpu_ms_per_query": 1000 * client_s / total,
    }


async def _closed_loop(client: Client, run: str, total: int) -> None:
    turns = asyncio.Semaphore(AT_ONCE)
    queries = [query(number, TASKS, run) for number in range(total)]

    async def send() -> None:
        for one in queries:
            await turns.acquire()
            await client.send(one)

    sending = asyncio.create_task(send())
    answered = 0
    async for response in client.answers({one.query_id for one in queries}, WITHIN_S):
        if response.error is not None:
            raise BenchError(f"an error answer: {response.error.message}")
        answered += 1
        turns.release()
    if answered < total:
        sending.cancel()
        raise BenchError(f"{total - answered} of {total} queries weren't answered")
    await sending


async def _theirs(nowhere: Town, endpoints: list[str], total: int) -> dict[str, float]:
    asked = total + total // 9  # its first tenth isn't counted
    command = yardstick("litellm_calls", ",".join(endpoints), str(asked), str(AT_ONCE), "0")
    with running("litellm", command, nowhere.directory) as process:
        await asyncio.to_thread(process.wait_for, "took_s", WITHIN_S)
        said = next(line for line in process.said().splitlines() if line.startswith("{"))
    row = json.loads(said)
    counted = len(row["took_s"])
    return {
        "litellm_queries_per_s": counted / row["wall_s"],
        "litellm_cpu_ms_per_query": 1000 * row["cpu_s"] / counted,
    }
