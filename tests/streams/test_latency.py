"""The latency sketch: within 1 % of the true order statistic, and merged exactly."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import latency

durations = st.lists(
    st.floats(min_value=1e-6, max_value=1e5, allow_nan=False), min_size=1, max_size=60
)


def sketch(samples: list[float]) -> dict[int, int]:
    """The counts of the samples' buckets."""
    return dict(Counter(map(latency.bucket, samples)))


@given(samples=durations, q=st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_the_order_statistic(
    samples: list[float], q: float
) -> None:
    true = sorted(samples)[int(q * (len(samples) - 1))]
    assert latency.quantile(sketch(samples), q) == pytest.approx(true, rel=0.0101)


@pytest.mark.parametrize(
    ("samples", "q", "true"),
    [
        ([0.2], 0.5, 0.2),
        ([0.1, 0.2, 0.3], 0.5, 0.2),
        ([0.1, 0.2, 0.3], 0.0, 0.1),
        ([0.1, 0.2, 0.3], 1.0, 0.3),
        ([0.1] * 99 + [9.0], 0.95, 0.1),
        ([0.1] * 99 + [9.0], 1.0, 9.0),
        ([0.0], 0.5, latency.SHORTEST_S),
        ([1e308], 0.5, latency.LONGEST_S),
        ([300.0, 1e-9], 0.0, latency.SHORTEST_S),
    ],
)
def test_quantiles(samples: list[float], q: float, true: float) -> None:
    assert latency.quantile(sketch(samples), q) == pytest.approx(true, rel=0.0101)


@given(st.floats(0, 1e12))
def test_a_bucket_is_the_librarys(seconds: float) -> None:
    bounded = min(max(seconds, latency.SHORTEST_S), latency.LONGEST_S)
    assert latency.bucket(seconds) == latency._mapping.key(bounded)


def test_without_samples_there_is_no_quantile() -> None:
    assert latency.quantile({}, 0.5) is None
    assert latency.quantile({3: 0}, 0.5) is None


@given(parts=st.lists(durations, max_size=5))
def test_merged_sketches_are_the_sketch_of_all(parts: list[list[float]]) -> None:
    together = [sample for part in parts for sample in part]
    assert latency.merge(*map(sketch, parts)) == sketch(together)


def test_merging_leaves_its_arguments_alone() -> None:
    first = {1: 2}
    latency.merge(first, {1: 3})
    assert first == {1: 2}
