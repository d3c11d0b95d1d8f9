"""Folding metrics into integer summaries, and merging summaries: exact and order-independent."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.metric import Metric
from schemas.window_score import ModelSummary, PoolSummary
from schemas.wire import INT_MAX, MILLION
from streams import latency

NANO = 1_000_000_000


class Tally:
    """A ``ModelSummary`` in the making."""

    __slots__ = ("latency", "pools", "sums")

    def __init__(self) -> None:
        self.sums: dict[str, int] = {}
        self.latency: dict[int, int] = {}
        self.pools: dict[str, PoolSummary] = {}

    def _add(self, name: str, amount: int) -> None:
        self.sums[name] = self.sums.get(name, 0) + amount

    def add(self, metric: Metric) -> None:
        """Folds one metric in; no order matters."""
        if metric.kind == "outcome":
            self._add_outcome(metric)
        elif metric.accuracy is not None:
            self._add_judgement(metric.accuracy, metric.trust)
            if metric.pool is not None:
                self._add_to_pool(metric.pool, metric.accuracy, metric.trust)

    def _add_outcome(self, metric: Metric) -> None:
        seconds = metric.response_time_s or 0.0
        self._add("outcomes", 1)
        self._add("errors", 0 if metric.ok else 1)
        self._add("timeouts", 1 if metric.error in ("timeout", "deadline") else 0)
        self._add("response_time_us", _whole(seconds * MILLION))
        self._add("prompt_tokens", metric.prompt_tokens or 0)
        self._add("completion_tokens", metric.completion_tokens or 0)
        self._add("cost_nano", _whole((metric.cost_usd or 0.0) * NANO))
        key = latency.bucket(seconds)
        self.latency[key] = self.latency.get(key, 0) + 1

    def _add_judgement(self, accuracy: float, trust: float) -> None:
        self._add("judgements", 1)
        self._add("trust_micro", round(trust * MILLION))
        self._add("accuracy_micro", round(trust * accuracy * MILLION))
        self._add("accuracy_square_micro", round(trust * accuracy * accuracy * MILLION))

    def _add_to_pool(self, pool: str, accuracy: float, trust: float) -> None:
        part = PoolSummary(
            trust_micro=round(trust * MILLION), accuracy_micro=round(trust * accuracy * MILLION)
        )
        self.pools[pool] = _together([self.pools.get(pool, PoolSummary()), part])

    def summary(self) -> ModelSummary:
        """What was folded so far."""
        sums = {name: min(amount, INT_MAX) for name, amount in self.sums.items()}
        pools = {name: self.pools[name] for name in sorted(self.pools)}
        return ModelSummary(**sums, latency=dict(self.latency), pools=pools)


def _whole(amount: float) -> int:
    return round(min(amount, INT_MAX))  # an absurd one may have become infinite


_SUMS = tuple(name for name in ModelSummary.__struct_fields__ if name not in ("latency", "pools"))


def merge(summaries: Iterable[ModelSummary]) -> ModelSummary:
    """The summary of all samples together: associative and commutative, exactly.

    Sums stop at the largest integer of the wire: a summary that can't be read loses the window.
    """
    parts = list(summaries)
    sums = {name: min(sum(getattr(part, name) for part in parts), INT_MAX) for name in _SUMS}
    names = sorted({name for part in parts for name in part.pools})
    pools = {
        name: _together(part.pools[name] for part in parts if name in part.pools) for name in names
    }
    buckets = latency.merge(*(part.latency for part in parts))
    return ModelSummary(**sums, latency=buckets, pools=pools)


def _together(parts: Iterable[PoolSummary]) -> PoolSummary:
    rows = list(parts)
    return PoolSummary(
        trust_micro=min(sum(row.trust_micro for row in rows), INT_MAX),
        accuracy_micro=min(sum(row.accuracy_micro for row in rows), INT_MAX),
    )


def accuracy(summary: ModelSummary) -> float | None:
    """The trust-weighted mean grade, 0..1; None where nothing was graded."""
    return summary.accuracy_micro / summary.trust_micro if summary.trust_micro else None
