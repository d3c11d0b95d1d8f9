"""Resident memory of processes over time, and whether it has found its plateau."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

EVERY_S = 2.0
KIB = 1024


def resident_mb(pid: int) -> float | None:
    """Resident set size in MB (10^6 bytes); None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * KIB / 1e6
    return None


@dataclass
class Memory:
    """Samples of each process, by name.

    Args:
        pids: the processes to look at, asked anew each time.
        clock: seconds, monotonic.
    """

    pids: Callable[[], Mapping[str, int]]
    clock: Callable[[], float] = time.monotonic
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    async def run(self) -> None:
        """Samples until cancelled."""
        while True:
            now = self.clock()
            for name, pid in self.pids().items():
                if (size := resident_mb(pid)) is not None:
                    self.samples.setdefault(name, []).append((now, size))
            await asyncio.sleep(EVERY_S)

    def between(self, name: str, first_s: float, last_s: float) -> list[float]:
        """One process's samples in this time, in MB."""
        return [size for at_s, size in self.samples.get(name, []) if first_s <= at_s < last_s]

    def growth(self, name: str, first_s: float, last_s: float) -> tuple[float, float]:
        """Plateau and excess of a steady time.

        The plateau is the median of the middle third, in MB; the excess is by how much of it the
        largest sample of the last third is above it, as a share.
        """
        third = (last_s - first_s) / 3
        middle = self.between(name, first_s + third, last_s - third)
        last = self.between(name, last_s - third, last_s)
        if not middle or not last:
            raise ValueError(f"{name} wasn't there all the time")
        plateau = statistics.median(middle)
        return plateau, max(last) / plateau - 1
