"""What each benchmark was to reach, and whether it did. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agents.benchmarks.figures import Row


class Goal(NamedTuple):
    """A bound on the median of one figure; in benches with rows, on that of the rows it names."""

    bench: str
    what: str
    key: str
    bound: float
    at_least: bool = False
    rows: Mapping[str, Any] = {}

    def is_about(self, row: Row) -> bool:
        """Whether it names this row."""
        return all(row[key] == value for key, value in self.rows.items())


GOALS = (
    Goal("router", "of the bare loop's records/s", "ratio_to_bare_loop", 0.8, at_least=True),
    Goal("decision", "us, 3 models, p50", "p50_us", 10, rows={"models": 3}),
    Goal("decision", "us, 3 models, p99", "p99_us", 20, rows={"models": 3}),
    Goal("decision", "us, 100 models, p50", "p50_us", 50, rows={"models": 100}),
    Goal("path", "of the bare hops' p50", "ratio_to_bare_hops_p50", 1.5),
    Goal("path", "of the bare hops' p99", "ratio_to_bare_hops_p99", 1.5),
    Goal(
        "throughput",
        "times less processor time a query than LiteLLM",
        "litellm_cpu_over_ours",
        3,
        at_least=True,
    ),
    Goal("worker", "of the bare loop, the client as it comes", "ratio_to_bare_loop", 0.8, True),
    Goal(
        "worker",
        "of the bare loop, the client as the worker has it",
        "ratio_to_bare_loop_our_transport",
        0.8,
        at_least=True,
    ),
    Goal("aggregator", "of the bare reader's metrics/s", "ratio_to_bare_reader", 0.5, True),
    Goal(
        "aggregator",
        "memory: MB at the end for each at half, 10 hours",
        "end_over_half",
        1.15,
        rows={"metrics": 1_000_000},
    ),
    Goal("loop-delay", "ms from closed to routed, p50", "closed_to_routed_p50_ms", 50),
    Goal("loop-delay", "ms from closed to routed, p95", "closed_to_routed_p95_ms", 250),
    Goal(
        "loop-delay",
        "ms from outcome to routed, 1 s windows, p95",
        "outcome_to_routed_p95_ms",
        2000,
    ),
    Goal("start", "s until everything is ready", "ready_s", 10),
    Goal("start", "MB at rest, the largest role", "largest_role_mb", 120),
)


class Reached(NamedTuple):
    """A goal, the median that is furthest from it, and whether that is within the bound."""

    goal: Goal
    median: float
    met: bool


def reached(found: Sequence[Row]) -> Iterator[Reached]:
    """Each goal whose benchmark is among ``found``, if it ran for the rows that the goal names.

    Raises:
        ValueError: no row of that benchmark has such a figure.
    """
    benches = {bench["bench"]: bench.get("rows", [bench]) for bench in found}
    for goal in GOALS:
        if goal.bench not in benches:
            continue
        rows = [row for row in benches[goal.bench] if goal.key in row]
        if not rows:
            raise ValueError(f"{goal.bench}: no {goal.key}")
        medians = [row[goal.key]["median"] for row in rows if goal.is_about(row)]
        if medians:
            worst = min(medians) if goal.at_least else max(medians)
            met = worst >= goal.bound if goal.at_least else worst <= goal.bound
            yield Reached(goal, worst, met)
