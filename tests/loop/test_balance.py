"""Latency in the objective shares a load among models that slow down as they fill."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import numpy as np

from schemas.control import Control
from schemas.response import Response
from tests.loop.system import System
from tests.loop.test_loop import questions
from tests.loop.watching import until

MODELS = ("one", "three", "two")
ROLES = ("router", "grader", "aggregator", "tuner", *(f"worker-{name}" for name in MODELS))
RATE_PER_S = 20.0
TARGET_S = 0.4
# One model serves at most 1 / (median_s x slowdown_per_request) = 25 a second; at 20 it takes
# five times as long as when idle, at a third of them 1.4 times.
SLOWING = {"latency": {"median_s": 0.2}, "slowdown_per_request": 0.2, "accuracy": 1.0}
WARM_UP = 60
JUDGED = 100
LARGEST_SHARE = 0.65
OF_PINNED = 0.65


@asynccontextmanager
async def poisson_queries(system: System) -> AsyncIterator[None]:
    """``RATE_PER_S`` queries, by the clock, as long as the block lasts."""
    draws = random.Random(1)

    async def ask() -> None:
        at = time.monotonic()
        for query in questions():
            at += draws.expovariate(RATE_PER_S)
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            await system.ask(query)

    task = asyncio.create_task(ask())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def p95_s(responses: Sequence[Response]) -> float:
    return float(np.quantile([response.timings.total_s for response in responses], 0.95))


def largest_share(responses: Sequence[Response]) -> float:
    return max(Counter(response.model for response in responses).values()) / len(responses)


async def order(system: System, action: str) -> None:
    """Pins the task to the first model, or lets it go."""
    model = MODELS[0] if action == "pin" else None
    control = Control(task="code", action=action, model=model, issued_at=1)  # type: ignore[arg-type]
    await system.put("controls", control, key=b"code")


async def test_equal_models_share_a_load_that_one_alone_is_slow_under(system: System) -> None:
    for name in MODELS:
        await system.chat_sim(name, settings={"concurrency": 128}, **SLOWING)
    system.tables["tasks.code"] |= {"latency_target_s": TARGET_S}
    system.tables["routing"] |= {
        "quality_weight": 0.45,
        "latency_weight": 0.5,
        "largest_step": 0.1,
    }
    await system.prepare()
    responses = await system.topic("responses", Response)
    await order(system, "pin")
    await system.run(*ROLES)

    def shared(part: Sequence[Response]) -> bool:
        return largest_share(part) < LARGEST_SHARE and p95_s(part) < OF_PINNED * pinned_s

    async with poisson_queries(system):
        enough = WARM_UP + JUDGED
        await responses.until(lambda found: len(found) >= enough, "the pinned model's answers", 30)
        pinned = responses.events[WARM_UP:enough]
        pinned_s = p95_s(pinned)
        assert largest_share(pinned) == 1.0
        await order(system, "unpin")
        await until(lambda: shared(responses.events[-JUDGED:]), "the load is shared", 20)
        reached = len(responses.events)
        enough = reached + 2 * JUDGED
        await responses.until(lambda found: len(found) >= enough, "twice as many", 30)
    after = responses.events[reached:enough]
    assert largest_share(after) < LARGEST_SHARE, "it stays shared"
    # Not by how much: whatever else the machine does by then is in these times, too.
    assert p95_s(after) < pinned_s
    assert all(response.error is None for response in responses.events)
