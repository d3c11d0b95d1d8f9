"""Measurements as they are read."""

from __future__ import annotations

import msgspec
import pytest

from agents.scaling.assumed import Assumed
from agents.scaling.measured import MeasuredError, measured
from agents.scaling.needs import needs
from agents.scaling.source import bundled


def test_a_missing_figure_is_named() -> None:
    found = {**bundled(), "benches": []}
    with pytest.raises(MeasuredError, match=r"mine\.json: .*aggregator"):
        measured(found, "mine.json")


def test_the_slowest_router_counts() -> None:
    found = measured(bundled())
    rows = next(b for b in bundled()["benches"] if b["bench"] == "scale")["rows"]
    alone = [r["records_per_s"]["median"] for r in rows if (r["processes"], r["models"]) == (1, 3)]
    assert found.router_per_s <= min(alone)


def test_somebody_elses_broker_is_not_measured() -> None:
    found = bundled()
    throughput = next(b for b in found["benches"] if b["bench"] == "throughput")
    assert measured(found).broker_cpu_ms == throughput["broker_cpu_ms_per_query"]["median"]
    del throughput["broker_cpu_ms_per_query"]
    known = measured(found)
    assert known.broker_cpu_ms is None
    assert needs(known, Assumed(), 1000).brokers_for["processor"] == 1


def test_the_tuners_share_of_the_loop_may_be_there() -> None:
    found = bundled()
    throughput = next(b for b in found["benches"] if b["bench"] == "throughput")
    throughput.pop("tuner_cpu_ms_per_query", None)
    without = measured(found)
    assert without.tuner_cpu_ms is None
    throughput["tuner_cpu_ms_per_query"] = {"median": 0.02, "min": 0.01, "max": 0.03}
    assert measured(found) == msgspec.structs.replace(without, tuner_cpu_ms=0.02)


def test_further_keys_of_the_aggregator_change_nothing() -> None:
    found = bundled()
    for row in next(b for b in found["benches"] if b["bench"] == "aggregator")["rows"]:
        row["resident_mb_half"] = row["resident_mb_peak"] = {"median": 1.0, "min": 1.0, "max": 1.0}
    assert measured(found) == measured(bundled())


def test_the_nearest_row_of_the_tuner_counts() -> None:
    found = measured(bundled())
    row = found.tuner_row(3, 3)
    assert (row.tasks, row.models) == (3, 3)
    assert row.partitions == max(r.partitions for r in found.tuning if r.models == r.tasks == 3)
    assert found.tuner_row(3, 60).models == 50
