"""Mergeable latency sketches: integer counts in logarithmic buckets, merged by adding.

The buckets are DDSketch's (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile
sketch with relative-error guarantees", VLDB 2019), computed by the ``ddsketch`` library.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log, log1p

from ddsketch.mapping import LogarithmicMapping

RELATIVE_ACCURACY = 0.01
SHORTEST_S = 1e-6
LONGEST_S = 1e9

_mapping = LogarithmicMapping(RELATIVE_ACCURACY)
_LOWEST: int = _mapping.key(SHORTEST_S)
_HIGHEST: int = _mapping.key(LONGEST_S)
_PER_DOUBLING = 1 / log1p(2 * RELATIVE_ACCURACY / (1 - RELATIVE_ACCURACY)) * log(2)


def bucket(seconds: float) -> int:
    """The bucket of a duration, taken as at least a microsecond and at most a billion seconds."""
    if not SHORTEST_S <= seconds <= LONGEST_S:
        seconds = min(max(seconds, SHORTEST_S), LONGEST_S)
    return ceil(log(seconds, 2) * _PER_DOUBLING)  # the library's own: 0.1 us instead of 0.4


def seconds(key: int) -> float:
    """The duration that a bucket stands for, within 1 % of any in it; never past the bounds."""
    return float(_mapping.value(min(max(key, _LOWEST), _HIGHEST)))


def quantile(counts: Mapping[int, int], q: float) -> float | None:
    """The ``q``-quantile (0..1) in seconds, within 1 % of a true one; None without samples."""
    total = sum(counts.values())
    if total == 0:
        return None
    rank = q * (total - 1)
    seen = 0
    for key in sorted(counts):
        seen += counts[key]
        if seen > rank:
            return seconds(key)
    raise AssertionError("unreachable: rank is below the total")


def merge(*sketches: Mapping[int, int]) -> dict[int, int]:
    """The sketch of all samples together."""
    merged: dict[int, int] = {}
    for sketch in sketches:
        for key, count in sketch.items():
            merged[key] = merged.get(key, 0) + count
    return merged
