"""What is counted is exposed as Prometheus reads it."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from streams.instruments import SECONDS, Count, Level, Spread


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def lines(registry: CollectorRegistry) -> list[str]:
    return generate_latest(registry).decode().splitlines()


def test_a_counter_counts_by_label(registry: CollectorRegistry) -> None:
    count = Count(registry, "zeta_things_total", "Things.", ["kind"])
    count.add("a")
    count.add("a", by=2)
    count.values["b",] += 1
    assert lines(registry) == [
        "# HELP zeta_things_total Things.",
        "# TYPE zeta_things_total counter",
        'zeta_things_total{kind="a"} 3.0',
        'zeta_things_total{kind="b"} 1.0',
    ]


def test_without_labels_it_is_there_from_the_start(registry: CollectorRegistry) -> None:
    Count(registry, "zeta_things_total", "Things.")
    Spread(registry, "zeta_thing_seconds", "Time.", buckets=(1.0,))
    assert registry.get_sample_value("zeta_things_total") == 0
    assert registry.get_sample_value("zeta_thing_seconds_count") == 0


def test_a_gauge_is_read_when_it_is_scraped(registry: CollectorRegistry) -> None:
    levels: dict[tuple[str, ...], float] = {("a",): 1.0}
    Level(registry, "zeta_level", "Level.", ["kind"], lambda: levels)
    assert registry.get_sample_value("zeta_level", {"kind": "a"}) == 1
    levels["a",] = 5.0
    assert registry.get_sample_value("zeta_level", {"kind": "a"}) == 5


@pytest.mark.parametrize(
    ("values", "below"),
    [
        ([], [0, 0, 0]),
        ([0.0], [1, 1, 1]),
        ([0.1], [1, 1, 1]),  # a bound is within its bucket
        ([0.100001, 1.0], [0, 2, 2]),
        ([0.05, 0.5, 5.0, 50.0], [1, 2, 4]),
    ],
)
def test_a_histogram_is_cumulative(
    registry: CollectorRegistry, values: list[float], below: list[int]
) -> None:
    spread = Spread(registry, "zeta_time_seconds", "Time.", ["task"], (0.1, 1.0))
    for value in values:
        spread.add(value, "code")
    found = [
        registry.get_sample_value("zeta_time_seconds_bucket", {"task": "code", "le": bound})
        for bound in ("0.1", "1.0", "+Inf")
    ]
    if not values:
        assert found == [None] * 3
        return
    assert found == below
    assert registry.get_sample_value("zeta_time_seconds_count", {"task": "code"}) == len(values)
    total = registry.get_sample_value("zeta_time_seconds_sum", {"task": "code"})
    assert total == pytest.approx(sum(values))


def test_a_name_is_taken_once(registry: CollectorRegistry) -> None:
    Count(registry, "zeta_things_total", "Things.")
    with pytest.raises(ValueError, match="Duplicated"):
        Count(registry, "zeta_things_total", "Things.")


def test_durations_have_buckets_from_half_a_millisecond_to_five_minutes() -> None:
    assert tuple(sorted(SECONDS)) == SECONDS
    assert (SECONDS[0], SECONDS[-1]) == (0.0005, 300.0)
