"""LiteLLM's Router in a process of its own, calling the model servers that the loop calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agents.benchmarks.processes import running, yardstick

AT_ONCE = 64
"""Calls unanswered at a time, unless it is told otherwise."""


class Calls(msgspec.Struct, frozen=True):
    """What ``yardsticks.litellm_calls`` prints; its first tenth of the calls isn't in it."""

    took_s: list[float]
    wall_s: float
    cpu_s: float


async def litellm_calls(
    directory: Path,
    endpoints: Sequence[str],
    calls: int,
    *,
    rate: float,
    within_s: float,
    at_once: int = AT_ONCE,
) -> Calls:
    """Has it make calls, at most so many at a time, started at ``rate`` per second (0: at once).

    Raises:
        BenchError: it ended, or takes longer than ``within_s``.
    """
    command = yardstick("litellm_calls", ",".join(endpoints), str(calls), str(at_once), str(rate))
    with running("litellm", command, directory) as process:
        await asyncio.to_thread(process.wait_for, "took_s", within_s)
        said = next(line for line in process.said().splitlines() if line.startswith("{"))
    return msgspec.json.decode(said, type=Calls)
