"""What is counted for Prometheus, cheaply enough for the hot path: plain numbers until scraped.

All of a process's counting and its scrapes happen in one thread, the event loop's, so nothing is
locked: adding to one of these costs about a tenth of what it costs in prometheus-client.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Labels: TypeAlias = tuple[str, ...]

SECONDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
)
"""The buckets of durations, from half a millisecond to five minutes."""


class Instrument(Collector):
    """One metric: its name without the prefix of its samples, its labels' names, and what it is.

    Label values are the caller's to bound: each combination is kept as long as the process lives.
    """

    kind = ""

    def __init__(
        self, registry: CollectorRegistry, name: str, help_text: str, labels: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.help = help_text
        self.labels = tuple(labels)
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """The name, which no other in the registry may have."""
        return [Metric(self.name.removesuffix("_total"), self.help, self.kind)]

    def collect(self) -> Iterable[Metric]:
        raise NotImplementedError


class Count(Instrument):
    """A counter: ``name`` ends with ``_total``. Hot paths add to ``values`` themselves."""

    kind = "counter"

    def __init__(
        self, registry: CollectorRegistry, name: str, help_text: str, labels: Sequence[str] = ()
    ) -> None:
        self.values: defaultdict[Labels, float] = defaultdict(int)
        super().__init__(registry, name, help_text, labels)
        if not labels:
            self.values[()] = 0

    def add(self, *labels: str, by: float = 1) -> None:
        """Adds to the counter of these labels' values."""
        self.values[labels] += by

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self.name, self.help, labels=self.labels)
        for labels, value in list(self.values.items()):
            family.add_metric(labels, value)
        yield family


class Level(Instrument):
    """A gauge that is read when it is scraped."""

    kind = "gauge"

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        help_text: str,
        labels: Sequence[str] = (),
        read: Callable[[], Mapping[Labels, float]] = dict,
    ) -> None:
        self.read = read
        super().__init__(registry, name, help_text, labels)

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        for labels, value in self.read().items():
            family.add_metric(labels, value)
        yield family


class Spread(Instrument):
    """A histogram."""

    kind = "histogram"

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        help_text: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = SECONDS,
    ) -> None:
        self.buckets = tuple(buckets)
        self.counts: dict[Labels, list[int]] = {}
        self.sums: dict[Labels, float] = {}
        super().__init__(registry, name, help_text, labels)
        if not labels:
            self._open(())

    def _open(self, labels: Labels) -> list[int]:
        self.sums[labels] = 0.0
        return self.counts.setdefault(labels, [0] * (len(self.buckets) + 1))

    def add(self, value: float, *labels: str) -> None:
        """Takes one value into the histogram of these labels' values."""
        counts = self.counts.get(labels) or self._open(labels)
        counts[bisect_left(self.buckets, value)] += 1
        self.sums[labels] += value

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for labels, counts in list(self.counts.items()):
            rows, total = [], 0
            for bound, count in zip((*self.buckets, float("inf")), counts, strict=True):
                total += count
                rows.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
            family.add_metric(labels, rows, self.sums[labels])
        yield family
