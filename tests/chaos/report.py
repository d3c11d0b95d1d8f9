"""What a run has shown: one line per count, and which of them must be zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

EXAMPLES = 5


@dataclass(frozen=True)
class Line:
    """A count. ``must_be``: anything else is a miss. ``examples`` say where to look."""

    name: str
    value: int
    must_be: int | None = None
    examples: Sequence[Any] = ()

    @property
    def missed(self) -> bool:
        """Whether it isn't what it must be."""
        return self.must_be is not None and self.value != self.must_be


@dataclass
class Result:
    """One run."""

    seed: int
    queries: int
    lines: list[Line] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    impossible: dict[str, str] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    schedule: list[dict[str, Any]] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Nothing is missing, nothing counted twice."""
        return not self.late and not any(line.missed for line in self.lines)

    def value(self, name: str) -> int:
        """A count by its name."""
        return next(line.value for line in self.lines if line.name == name)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"ok": self.ok, **asdict(self)}


def count(name: str, value: int, must_be: int | None = None) -> Line:
    """A line of a number."""
    return Line(name, value, must_be)


def none_of(name: str, found: Sequence[Any]) -> Line:
    """A line of what must not be."""
    return Line(name, len(found), 0, [str(row) for row in found[:EXAMPLES]])


def table(result: Result) -> Table:
    """For people."""
    made = Table("count", "found", "must be", "", title=f"seed {result.seed}")
    for line in result.lines:
        must = "" if line.must_be is None else str(line.must_be)
        seen = ", ".join(map(str, line.examples)) if line.missed else ""
        style = "red" if line.missed else None
        made.add_row(line.name, str(line.value), must, seen, style=style)
    for kind, number in result.errors.items():
        made.add_row(f"error answers: {kind}", str(number), "", "")
    for kind, number in sorted(result.faults.items()):
        made.add_row(f"fault: {kind}", str(number), "", "")
    for kind, problem in result.impossible.items():
        made.add_row(f"fault: {kind}", "not possible here", "", problem)
    made.caption = f"{'ok' if result.ok else 'MISSED'} in {result.elapsed_s:.0f} s"
    return made


COLUMNS = (
    "queries asked",
    "answered",
    "unanswered",
    "answers to ids never asked",
    "duplicate answers",
    "metrics",
    "metrics in no window",
    "metrics folded twice",
    "attempts without an outcome metric",
    "bad records not in dead-letters",
    "rules compared byte for byte",
    "rules that differ",
    "records archived",
    "records not archived",
    "records archived twice",
    "processes killed",
    "brokers killed",
)


def markdown(results: Sequence[Result]) -> str:
    """The page's table, one column per seed."""
    head = ["count", *(f"seed {result.seed}" for result in results)]
    rows = [[name, *(f"{result.value(name):,}" for result in results)] for name in COLUMNS]
    kinds = sorted({kind for result in results for kind in result.faults})
    rows += [[kind, *(str(row.faults.get(kind, 0)) for row in results)] for kind in kinds]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
