"""``zeta bench worker``: answers per second of one worker, beside a bare loop of its client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.benchmarks.figures import Row, over_runs, ratios
from agents.benchmarks.processes import Running, running, yardstick, zeta
from agents.benchmarks.router import rules
from agents.benchmarks.town import committed, town
from agents.benchmarks.worlds import instant_profile, names, query, sections
from agents.demo import free_port_run
from agents.routing import Refusal, Table, decide
from schemas.assignment import Assignment
from schemas.wire import encode
from streams.clock import now_ms
from streams.settings import Settings

AT_ONCE = 64
MODEL = names("model", 1)[0]
DAY_MS = 86_400_000


async def bench_worker(bootstrap: str, runs: int, answers: int, say: Callable[[str], None]) -> Row:
    """Answers per second that are committed, one process, 64 calls at a time, no latency."""
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
        **ratios(found, "answers_per_s", ["bare_loop_per_s"]),
    }


async def _run(bootstrap: str, answers: int) -> dict[str, float]:
    async with town(bootstrap, {}) as nowhere:
        directory = nowhere.directory
        with simulated(directory) as (endpoint, _):
            made = sections(1, 1, endpoints=[endpoint])
            async with town(bootstrap, made) as place:
                await rules(place, 1)
                await place.fill(f"models.{MODEL}", assignments(place.settings, answers))
                with place.role(f"worker-{MODEL}", "--log-level", "warning") as process:
                    group = f"worker-{MODEL}"
                    rate = (await committed(place, group, answers, process)).rate(answers)
            command = yardstick("bare_calls", endpoint, str(answers), str(AT_ONCE))
            with running("bare-calls", command, directory) as process:
                await asyncio.to_thread(process.wait_for, "rate ", 120.0)
                bare = float(process.said().split("rate ")[1])
    return {"answers_per_s": rate, "bare_loop_per_s": bare}


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


@contextmanager
def simulated(directory: Path, count: int = 1) -> Iterator[tuple[str, Running]]:
    """Simulated models that answer at once, in one process; the first one's address."""
    port = free_port_run(count)
    profile = directory / f"instant-{count}.toml"
    profile.write_text(instant_profile(count))
    command = zeta("sim-model", str(profile), "--port", str(port))
    with running("sim-model", command, directory) as process:
        process.wait_for(f":{port + count - 1}")
        yield f"http://127.0.0.1:{port}", process
