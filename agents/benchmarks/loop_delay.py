"""``zeta bench loop-delay``: from a window's close, or an outcome, to a query routed by it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agents.benchmarks.figures import Row, over_runs, percentile
from agents.benchmarks.loop import ready, simulated
from agents.benchmarks.path import ask
from agents.benchmarks.processes import BenchError
from agents.benchmarks.town import Town, town
from agents.benchmarks.worlds import names, sections
from schemas.metric import Metric
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import WindowScore
from streams.consuming import Record
from streams.tables import TableReader

MODELS, TASKS = 3, 1
WINDOWS = {"size_s": 1.0, "panes": 4, "lateness_s": 0.2, "tick_s": 0.05}
LOOP = [
    *("router", "grader", "aggregator", "tuner"),
    *(f"worker-{name}" for name in names("model", MODELS)),
]


@dataclass
class Seen:
    """What the topics hold afterwards. Instants in Unix ms."""

    closed_at: dict[int, int] = field(default_factory=dict)
    rules: list[tuple[int, int, int]] = field(default_factory=list)
    """(version, window end, published)."""
    routed: list[tuple[int, int]] = field(default_factory=list)
    """(decided, rule version)."""
    outcomes: list[int] = field(default_factory=list)

    def score(self, score: WindowScore, record: Record) -> None:
        """A window is closed when its last part is there."""
        end = score.window_end_at
        self.closed_at[end] = max(record.timestamp, self.closed_at.get(end, 0))

    def rule(self, rule: RoutingRule, record: Record) -> None:
        """Every version, when it was published."""
        self.rules.append((rule.version, rule.window_end_at, record.timestamp))

    def response(self, response: Response, _: Record) -> None:
        """Every decision of an answered query."""
        if response.decision is not None:
            self.routed.append((response.decision.decided_at, response.decision.rule_version))

    def metric(self, metric: Metric | Tick, _: Record) -> None:
        """Every outcome, when it was observed."""
        if isinstance(metric, Metric) and metric.kind == "outcome":
            self.outcomes.append(metric.observed_at)


async def bench_loop_delay(
    bootstrap: str, runs: int, rate: float, seconds: float, say: Callable[[str], None]
) -> Row:
    """Milliseconds; windows of 1 s in four panes, a lateness of 0.2 s, ticks each 50 ms."""
    found = []
    for run in range(runs):
        say(f"loop-delay: run {run + 1} of {runs}")
        async with town(bootstrap, {}) as nowhere:
            with simulated(nowhere.directory, MODELS) as endpoints:
                made = sections(MODELS, TASKS, endpoints=endpoints, windows=WINDOWS)
                async with town(bootstrap, made) as place:
                    async with ready(place, LOOP) as roles:
                        await ask(place, rate, seconds, roles)
                    found.append(delays(await _read(place)))
    return {
        "bench": "loop-delay",
        "runs": runs,
        "queries_per_s": rate,
        "seconds": seconds,
        "windows": WINDOWS,
        **over_runs(found),
    }


async def _read(place: Town) -> Seen:
    seen, kafka = Seen(), place.settings.kafka
    await TableReader(kafka, "scores", WindowScore, seen.score).read_once()
    await TableReader(kafka, "rules-log", RoutingRule, seen.rule).read_once()
    await TableReader(kafka, "responses", Response, seen.response).read_once()
    either = Metric | Tick
    await TableReader(kafka, "metrics", either, seen.metric).read_once()  # type: ignore[arg-type]
    return seen


def delays(seen: Seen) -> dict[str, float]:
    """Percentiles of each leg, in ms, and of how many rules and outcomes they are. Pure.

    Rules that no query came for are left out.

    Raises:
        BenchError: that is half of the rules of closed windows, or more.
    """
    first = first_routed(seen.routed)
    closed_published, published_routed, closed_routed = [], [], []
    for version, end, published_at in seen.rules:
        closed_at, routed_at = seen.closed_at.get(end), first.get(version)
        if closed_at is None or routed_at is None:
            continue
        closed_published.append(published_at - closed_at)
        published_routed.append(routed_at - published_at)
        closed_routed.append(routed_at - closed_at)
    legs: Mapping[str, Sequence[float]] = {
        "closed_to_published": closed_published,
        "published_to_routed": published_routed,
        "closed_to_routed": closed_routed,
        "outcome_to_routed": list(outcome_delays(seen, first)),
    }
    closed = sum(end in seen.closed_at for _, end, _ in seen.rules)
    if 2 * len(closed_routed) <= closed or not legs["outcome_to_routed"]:
        rules = f"queries came for {len(closed_routed)} of {closed} rules"
        outcomes = f"{len(legs['outcome_to_routed'])} of {len(seen.outcomes)} outcomes"
        raise BenchError(f"{rules}, and a rule for {outcomes}: ask more, or longer")
    percentiles = {
        f"{leg}_{name}_ms": percentile(values, share)
        for leg, values in legs.items()
        for name, share in (("p50", 0.5), ("p95", 0.95))
    }
    counted = {"rules": len(closed_routed), "outcomes": len(legs["outcome_to_routed"])}
    return {**percentiles, **counted}


def first_routed(routed: Sequence[tuple[int, int]]) -> dict[int, int]:
    """For each rule version, when the first query was routed by it."""
    first: dict[int, int] = {}
    for decided_at, version in routed:
        first[version] = min(decided_at, first.get(version, decided_at))
    return first


def outcome_delays(seen: Seen, first: Mapping[int, int]) -> Iterator[int]:
    """For each outcome, how long until a query was routed by a rule that had folded it."""
    rows = sorted((end, first[version]) for version, end, _ in seen.rules if version in first)
    ends = [end for end, _ in rows]
    for observed_at in seen.outcomes:
        place = bisect_left(ends, observed_at + 1)
        if place < len(rows):
            yield rows[place][1] - observed_at
