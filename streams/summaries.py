"""Folding metrics into integer summaries, and merging summaries: exact and order-independent."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.metric import Metric
from schemas.window_score import ModelSummary, PoolSummary
from schemas.wire import INT_MAX, MILLION
from streams import latency

NANO = 1_000_000_000

CENSORED = ("timeout", "deadline")

_SUMS = tuple(name for name in ModelSummary.__struct_fields__ if name not in ("latency", "pools"))


def bucket_of(metric: Metric) -> int | None:
    """The latency bucket of an outcome; None of a judgement, which has none."""
    return latency.bucket(metric.response_time_s or 0.0) if metric.kind == "outcome" else None


class Tally:
    """A ``ModelSummary`` in the making: its sums are attributes, the quickest to add to."""

    __slots__ = (*_SUMS, "latency", "pools")

    outcomes: int
    errors: int
    timeouts: int
    response_time_us: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano: int
    judgements: int
    trust_micro: int
    accuracy_micro: int
    accuracy_square_micro: int

    def __init__(self) -> None:
        for name in _SUMS:
            setattr(self, name, 0)
        self.latency: dict[int, int] = {}
        self.pools: dict[str, PoolSummary] = {}

    def add(self, metric: Metric, bucket: int | None) -> None:
        """Folds one metric in, which has this ``bucket_of``; no order matters."""
        if bucket is not None:
            self._add_outcome(metric, bucket)
        elif metric.accuracy is not None:
            self._add_judgement(metric.accuracy, metric.trust)
            if metric.pool is not None:
                self._add_to_pool(metric.pool, metric.accuracy, metric.trust)

    def _add_outcome(self, metric: Metric, bucket: int) -> None:
        self.outcomes += 1
        if not metric.ok:
            self.errors += 1
        if metric.error is not None and metric.error in CENSORED:
            self.timeouts += 1
        self.response_time_us += _whole((metric.response_time_s or 0.0) * MILLION)
        if metric.prompt_tokens:
            self.prompt_tokens += metric.prompt_tokens
        if metric.completion_tokens:
            self.completion_tokens += metric.completion_tokens
        if metric.cost_usd:
            self.cost_nano += _whole(metric.cost_usd * NANO)
        self.latency[bucket] = self.latency.get(bucket, 0) + 1

    def _add_judgement(self, accuracy: float, trust: float) -> None:
        weighed = trust * accuracy
        self.judgements += 1
        self.trust_micro += round(trust * MILLION)
        self.accuracy_micro += round(weighed * MILLION)
        self.accuracy_square_micro += round(weighed * accuracy * MILLION)

    def _add_to_pool(self, pool: str, accuracy: float, trust: float) -> None:
        part = PoolSummary(
            trust_micro=round(trust * MILLION), accuracy_micro=round(trust * accuracy * MILLION)
        )
        self.pools[pool] = _together([self.pools.get(pool, PoolSummary()), part])

    def summary(self) -> ModelSummary:
        """What was folded so far."""
        sums = {name: min(getattr(self, name), INT_MAX) for name in _SUMS}
        pools = {name: self.pools[name] for name in sorted(self.pools)}
        return ModelSummary(**sums, latency=dict(self.latency), pools=pools)


def _whole(amount: float) -> int:
    return round(min(amount, INT_MAX))  # an absurd one may have become infinite


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
