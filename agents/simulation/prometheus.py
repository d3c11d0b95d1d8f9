"""The metrics page of a simulated model, in the Prometheus text format and under the real names.

The servers it imitates export counters without the `_total` suffix, which the usual client library
insists on; hence these few lines.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

Labels = tuple[tuple[str, str], ...]

CONTENT_TYPE = "text/plain; version=0.0.4"


def duration_buckets(first_s: float) -> list[float]:
    """35 upper bounds in seconds, each half as large again as the last (as TGI and TEI have)."""
    return [first_s * 1.5**i for i in range(1, 36)]


class Histogram:
    """Counts per bucket, sum and count of what was observed."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: the buckets' upper bounds, inclusive and ascending."""
        self.bounds = list(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Add one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str) -> Iterator[str]:
        """The page's lines of this histogram; buckets are cumulative there."""
        uppers = [f"{bound:.9g}" for bound in self.bounds] + ["+Inf"]
        for upper, count in zip(uppers, accumulate(self.counts), strict=True):
            yield f'{name}_bucket{{le="{upper}"}} {count}'
        yield f"{name}_sum {self.sum:.9g}"
        yield f"{name}_count {sum(self.counts)}"


class Metrics:
    """The counters, gauges and histograms of one simulated model."""

    def __init__(self, prefix: str, first_bucket_s: float, token_bounds: Sequence[float]) -> None:
        """`prefix`: "tgi" or "te"; histograms named *_duration are in seconds, others in tokens."""
        self.prefix = prefix
        self._duration_bounds = duration_buckets(first_bucket_s)
        self._token_bounds = token_bounds
        self._counters: dict[tuple[str, Labels], int] = {}
        self._gauges: dict[str, float] = {}
        self._histograms: dict[str, Histogram] = {}

    def count(self, name: str, **labels: str) -> None:
        """Add one to the counter `<prefix>_<name>` with these labels."""
        key = (name, tuple(sorted(labels.items())))
        self._counters[key] = self._counters.get(key, 0) + 1

    def add(self, name: str, change: float) -> None:
        """Move the gauge `<prefix>_<name>`."""
        self._gauges[name] = self._gauges.get(name, 0.0) + change

    def observe(self, name: str, value: float) -> None:
        """Add an observation to the histogram `<prefix>_<name>`."""
        if name not in self._histograms:
            seconds = name.endswith("duration")
            self._histograms[name] = Histogram(
                self._duration_bounds if seconds else self._token_bounds
            )
        self._histograms[name].observe(value)

    def render(self) -> str:
        """The whole page."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        typed = ""
        for (name, labels), value in sorted(self._counters.items()):
            if name != typed:
                yield f"# TYPE {self.prefix}_{name} counter"
                typed = name
            text = ",".join(f'{key}="{label}"' for key, label in labels)
            yield (
                f"{self.prefix}_{name}{{{text}}} {value}"
                if text
                else (f"{self.prefix}_{name} {value}")
            )
        for name, level in sorted(self._gauges.items()):
            yield f"# TYPE {self.prefix}_{name} gauge"
            yield f"{self.prefix}_{name} {level:.9g}"
        for name, histogram in sorted(self._histograms.items()):
            yield f"# TYPE {self.prefix}_{name} histogram"
            yield from histogram.lines(f"{self.prefix}_{name}")
