"""Figures of several runs, and the machine that they were taken on. Pure but for ``machine``."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from streams.broker import kafka_version

Spread: TypeAlias = dict[str, float]
Row: TypeAlias = dict[str, Any]

GB = 1e9


def spread(values: Sequence[float]) -> Spread:
    """Median, least and largest of the runs' values; there must be one."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` (0..1) of the values don't exceed."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]


def over_runs(runs: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Each key's spread over the runs, which all have the same keys."""
    return {key: spread([run[key] for run in runs]) for key in runs[0]}


def ratios(
    runs: Sequence[Mapping[str, float]], over: str, under: Sequence[str]
) -> dict[str, Spread]:
    """``over`` divided by each of ``under``, run by run: the machine's speed drops out."""
    return {
        f"ratio_to_{key.removesuffix('_per_s')}": spread([run[over] / run[key] for run in runs])
        for key in under
    }


def machine(environment: Mapping[str, str], read: Callable[[Path], str] = Path.read_text) -> Row:
    """What the figures depend on: processors, memory, versions, whose broker. Linux."""
    given = environment.get("KAFKA_BOOTSTRAP")
    model = next(
        (
            line.partition(":")[2].strip()
            for line in read(Path("/proc/cpuinfo")).splitlines()
            if line.startswith("model name")
        ),
        platform.processor() or "unknown",
    )
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": model,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "broker": "given" if given else "own",
        "kafka": "of the broker given" if given else kafka_version(),
    }
