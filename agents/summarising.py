"""Summing up many answers: how many, how fast, by which model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from agents.printable import printable
from schemas.response import Response
from streams import latency

NOBODY = "(none)"


@dataclass
class ModelLine:
    """One model's answers; ``total_s`` is a sketch of the clients' waiting times."""

    answered: int = 0
    failed: int = 0
    total_s: dict[int, int] = field(default_factory=dict)


@dataclass
class Summary:
    """What became of the queries that were asked."""

    asked: int
    models: dict[str, ModelLine] = field(default_factory=dict)

    def add(self, response: Response) -> None:
        """Counts an answer."""
        line = self.models.setdefault(response.model or NOBODY, ModelLine())
        if response.error is not None:
            line.failed += 1
            return
        line.answered += 1
        key = latency.bucket(response.timings.total_s)
        line.total_s[key] = line.total_s.get(key, 0) + 1

    @property
    def answered(self) -> int:
        """Queries with a real answer."""
        return sum(line.answered for line in self.models.values())

    @property
    def failed(self) -> int:
        """Queries with an error answer."""
        return sum(line.failed for line in self.models.values())

    @property
    def silent(self) -> int:
        """Queries without any answer yet."""
        return self.asked - self.answered - self.failed

    def as_dict(self) -> dict[str, Any]:
        """For programs; seconds, None where nothing was answered."""
        return {
            "asked": self.asked,
            "answered": self.answered,
            "failed": self.failed,
            "silent": self.silent,
            "models": {
                name: {
                    "answered": line.answered,
                    "failed": line.failed,
                    "p50_s": latency.quantile(line.total_s, 0.5),
                    "p95_s": latency.quantile(line.total_s, 0.95),
                }
                for name, line in sorted(self.models.items())
            },
        }


def summary_table(summary: Summary) -> Table:
    """For people."""
    table = Table("model", "answered", "failed", "p50 s", "p95 s")
    for name, line in sorted(summary.models.items()):
        table.add_row(
            Text(printable(name)),
            str(line.answered),
            str(line.failed),
            seconds(latency.quantile(line.total_s, 0.5)),
            seconds(latency.quantile(line.total_s, 0.95)),
        )
    table.caption = (
        f"{summary.asked} asked: {summary.answered} answered, {summary.failed} failed, "
        f"{summary.silent} without an answer"
    )
    return table


def seconds(value: float | None) -> str:
    """Three digits after the point, or a dash."""
    return "-" if value is None else f"{value:.3f}"
