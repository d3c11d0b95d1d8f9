"""``zeta bench worker``: answers per second of one worker, beside a bare loop of its client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

from agents.benchmarks.figures import Row, over_runs, ratios
from agents.benchmarks.loop import rules, simulated
from agents.benchmarks.processes import running, yardstick
from agents.benchmarks.progress import committed
from agents.benchmarks.town import town
from agents.benchmarks.worlds import names, query, sections
from agents.routing import Refusal, Table, decide
from schemas.assignment import Assignment
from schemas.wire import encode
from streams.clock import now_ms
from streams.settings import Settings

AT_ONCE = 64
MODEL = names("model", 1)[0]
DAY_MS = 86_400_000
WAYS = ("client", "transport")
UNDER = ("bare_loop_per_s", "bare_loop_our_transport_per_s")


async def bench_worker(bootstrap: str, runs: int, answers: int, say: Callable[[str], None]) -> Row:
    """Answers per second that are committed, one process, 64 calls at a time, no latency.

    The bare loop makes the same calls through the same client, once as it comes, once with the
    transport that the worker gives it.
    """
    found = []
    for run in range(runs):
        say(f"worker: run {run + 1} of {runs}")
        found.append(await _run(bootstrap, answers))
    return {
        "bench": "worker",
        "runs": runs,
        "answers": answers,
        "concurrency": AT_ONCE,
        **over_runs(found),
        **ratios(found, "answers_per_s", UNDER),
    }


async def _run(bootstrap: str, answers: int) -> dict[str, float]:
    async with town(bootstrap, {}) as nowhere:
        directory = nowhere.directory
        with simulated(directory) as endpoints:
            made = sections(1, 1, endpoints=endpoints)
            async with town(bootstrap, made) as place:
                await rules(place, 1)
                await place.fill(f"models.{MODEL}", assignments(place.settings, answers))
                with place.role(f"worker-{MODEL}", "--log-level", "warning") as process:
                    group = f"worker-{MODEL}"
                    rate = (await committed(place, group, answers, process)).rate(answers)
            bare = {way: await _bare(directory, endpoints[0], answers, way) for way in WAYS}
    return {
        "answers_per_s": rate,
        "bare_loop_per_s": bare["client"],
        "bare_loop_our_transport_per_s": bare["transport"],
    }


async def _bare(directory: Path, endpoint: str, answers: int, way: str) -> float:
    command = yardstick("bare_calls", endpoint, str(answers), str(AT_ONCE), way)
    with running(f"bare-{way}", command, directory) as process:
        await asyncio.to_thread(process.wait_for, "rate ", 60.0 + answers / 20)
        return float(process.said().split("rate ")[1])


def assignments(settings: Settings, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values for the model's topic."""
    now = now_ms()
    for number in range(count):
        asked = query(number, 1, "w")
        assert asked.task is not None, "these name theirs"
        decision = decide(settings, Table({}), asked, asked.task, (), now_ms=now)
        assert not isinstance(decision, Refusal), "there is a model"
        assignment = Assignment(
            query=asked,
            task=asked.task,
            attempt=1,
            asked_at=now,
            deadline_at=now + DAY_MS,
            decision=decision,
        )
        yield asked.query_id.encode(), encode(assignment)
