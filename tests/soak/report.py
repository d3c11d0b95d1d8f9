"""What a soak has shown, and what it must show."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tests.chaos.report import Line

if TYPE_CHECKING:
    from tests.soak.run import Plan

MOST_GROWTH = 0.05
MOST_P99_RISE = 0.25


@dataclass(frozen=True)
class Quantiles:
    """Response times of one third of the steady load, in seconds."""

    count: int
    p50_s: float
    p99_s: float

    @classmethod
    def of(cls, ordered: list[float], quantile: Callable[[list[float], float], float]) -> Quantiles:
        """Of sorted times."""
        return cls(len(ordered), quantile(ordered, 0.5), quantile(ordered, 0.99))


@dataclass(frozen=True)
class Resident:
    """A process's memory: its plateau in MB, and the share by which it was above it later."""

    plateau_mb: float
    excess: float


@dataclass
class Result:
    """One soak."""

    plan: Plan
    capacity: float
    steady: Sequence[Quantiles]
    resident: dict[str, Resident]
    peaks: dict[str, float]
    backlog: int
    caught_up_s: float | None
    errors: int = 0
    deaths: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def misses(self) -> list[str]:
        """What isn't as it must be, in words."""
        found = [f"{line.name}: {line.value}" for line in self.lines if line.missed]
        found += [f"not in time: {what}" for what in self.late]
        found += [f"died: {death}" for death in self.deaths]
        if self.errors:
            found.append(f"{self.errors} error answers")
        for name, row in self.resident.items():
            if row.excess > MOST_GROWTH:
                found.append(f"memory of {name}: {row.excess:+.1%} over its plateau")
        _, middle, last = self.steady
        if last.p99_s > middle.p99_s * (1 + MOST_P99_RISE):
            found.append(f"p99 rose from {middle.p99_s:.3f} to {last.p99_s:.3f} s")
        if self.caught_up_s is None:
            found.append("it did not catch up after the overload")
        return found

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"ok": not self.misses(), "misses": self.misses(), **asdict(self)}


def markdown(result: Result) -> str:
    """The page's tables."""
    plan = result.plan
    head = ("| | queries/s | seconds | p50 | p99 |", "| --- | --- | --- | --- | --- |")
    third_s = plan.steady_s / len(result.steady)
    rows = [f"| as many as it takes | {result.capacity:.0f} | {plan.capacity_s:.0f} | | |"]
    rows += [
        f"| steady, third {number} | {row.count / third_s:.0f} | {third_s:.0f} "
        f"| {row.p50_s * 1000:.0f} ms | {row.p99_s * 1000:.0f} ms |"
        for number, row in enumerate(result.steady, 1)
    ]
    rate = result.capacity * plan.times
    rows.append(f"| overload | {rate:.0f} sent | {plan.overload_s:.0f} | | |")
    caught = "never" if result.caught_up_s is None else f"{result.caught_up_s:.0f} s"
    after = (
        f"After the overload {result.backlog:,} queries waited; all were answered after {caught}."
    )
    memory = ["| process | plateau, MB | most above it later | peak in the overload, MB |"]
    memory.append("| --- | --- | --- | --- |")
    memory += [
        f"| {name} | {row.plateau_mb:.0f} | {row.excess:+.1%} | {result.peaks[name]:.0f} |"
        for name, row in result.resident.items()
    ]
    return "\n".join([*head, *rows, "", after, "", *memory, "", *_counts(result)])


def _counts(result: Result) -> list[str]:
    lines = [f"| {line.name} | {line.value:,} |" for line in result.lines]
    return ["| count | |", "| --- | --- |", *lines]


def table(result: Result) -> Table:
    """For people: only what was missed, or that nothing was."""
    made = Table("missed", title=f"soak on {os.cpu_count()} cores")
    for miss in result.misses() or ["nothing"]:
        made.add_row(miss)
    return made
