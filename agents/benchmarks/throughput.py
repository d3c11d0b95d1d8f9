"""``zeta bench throughput``: the whole loop under as much load as it takes, beside LiteLLM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from agents.benchmarks.figures import Row, over_runs
from agents.benchmarks.litellm_process import litellm_calls
from agents.benchmarks.loop import answers, ready, rules, simulated
from agents.benchmarks.processes import BenchError, Running, cpu_s
from agents.benchmarks.town import Broker, Town, town
from agents.benchmarks.worlds import names, query, sections
from agents.client import Client
from agents.comparison.litellm_library import check_litellm
from schemas.metric import Metric
from schemas.query import Reference
from schemas.tick import Tick
from streams.consuming import Record
from streams.tables import TableReader

MODELS = TASKS = 3
AT_ONCE = 256
"""Unanswered at a time. Fewer leave both cores waiting for each other's small batches; LiteLLM's
process is as busy with 64."""
WITHIN_S = 60.0
SLOWEST_PER_S = 20.0
"""So much time each query, or call, may add to ``WITHIN_S``."""
GRADED = Reference(kind="contains", value="sum")
ROLES = ("router", "worker", "grader", "aggregator", "tuner")
LOOP = [
    *("router", "grader", "aggregator", "tuner"),
    *(f"worker-{name}" for name in names("model", MODELS)),
]


async def bench_throughput(
    broker: Broker, runs: int, queries: int, say: Callable[[str], None]
) -> Row:
    """Queries per second with 256 unanswered at a time, and processor time per query.

    Every answer is graded, by the cheapest grader. Ours is that of all the loop's processes; the
    client's is apart, as is the broker's, which isn't known where it is somebody else's. LiteLLM's
    process is its client, too, so the ratio counts our client. The simulated models' isn't counted.
    """
    bootstrap = broker.bootstrap
    check_litellm()
    found = []
    for run in range(runs):
        say(f"throughput: run {run + 1} of {runs}")
        async with town(bootstrap, {}) as nowhere:
            with simulated(nowhere.directory, MODELS) as endpoints:
                made = sections(MODELS, TASKS, endpoints=endpoints)
                async with town(bootstrap, made) as place:
                    await rules(place, MODELS)
                    ours = await _ours(place, queries, broker.pid)
                theirs = await _theirs(nowhere, endpoints, queries)
        our_side = ours["cpu_ms_per_query"] + ours["client_cpu_ms_per_query"]
        ratio = theirs["litellm_cpu_ms_per_query"] / our_side
        found.append({**ours, **theirs, "litellm_cpu_over_ours": ratio})
    return {
        "bench": "throughput",
        "runs": runs,
        "queries": queries,
        "unanswered_at_a_time": AT_ONCE,
        **over_runs(found),
    }


async def _ours(place: Town, total: int, broker: int | None) -> dict[str, float]:
    async with ready(place, LOOP) as processes, Client(place.settings) as client:
        await _closed_loop(client, "warm", total // 10, processes)
        before, began_s = _cpu_s(processes, broker), time.monotonic()
        await _closed_loop(client, "run", total, processes)
        wall_s, after = time.monotonic() - began_s, _cpu_s(processes, broker)
    await _check_graded(place, total)
    parts = {who: 1000 * (after[who] - before[who]) / total for who in after}
    return {
        "queries_per_s": total / wall_s,
        "cpu_ms_per_query": sum(parts[role] for role in ROLES),
        **{f"{who}_cpu_ms_per_query": took_ms for who, took_ms in parts.items()},
    }


async def _check_graded(place: Town, total: int) -> None:
    grades = 0

    def count(metric: Metric | Tick, _: Record) -> None:
        nonlocal grades
        grades += isinstance(metric, Metric) and metric.kind == "judgement"

    either = Metric | Tick
    await TableReader(place.settings.kafka, "metrics", either, count).read_once()  # type: ignore[arg-type]
    if grades < total:
        raise BenchError(f"{total - grades} of {total} answers weren't graded")


def _cpu_s(processes: Sequence[Running], broker: int | None) -> dict[str, float]:
    """Processor time so far: of each role (the workers together), the client, the broker."""
    took = {
        role: sum(each.cpu_s() for each in processes if each.name.startswith(role))
        for role in ROLES
    }
    own = {} if broker is None else {"broker": cpu_s(broker)}
    return {**took, "client": time.process_time(), **own}


async def _closed_loop(client: Client, run: str, total: int, processes: Sequence[Running]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)
    queries = [query(number, TASKS, run, GRADED) for number in range(total)]
    within_s = WITHIN_S + total / SLOWEST_PER_S

    async def send() -> None:
        for one in queries:
            await turns.acquire()
            await client.send(one)

    sending = asyncio.create_task(send())
    ids = {one.query_id for one in queries}
    try:
        async for _ in answers(client, ids, within_s, processes):
            turns.release()
        await sending
    finally:
        sending.cancel()


async def _theirs(nowhere: Town, endpoints: list[str], total: int) -> dict[str, float]:
    asked = total + total // 9  # its first tenth isn't counted
    within_s = WITHIN_S + asked / SLOWEST_PER_S
    calls = await litellm_calls(
        nowhere.directory, endpoints, asked, rate=0.0, within_s=within_s, at_once=AT_ONCE
    )
    counted = len(calls.took_s)
    return {
        "litellm_queries_per_s": counted / calls.wall_s,
        "litellm_cpu_ms_per_query": 1000 * calls.cpu_s / counted,
    }
