"""Measurements as they are read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agents.scaling.assumed import Assumed
from agents.scaling.measured import MeasuredError, bundled, measured, read
from agents.scaling.needs import needs


def test_a_file_is_completed_with_what_is_bundled(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    worker = {"bench": "worker", "answers_per_s": {"median": 7.0, "min": 1.0, "max": 9.0}}
    file.write_bytes(msgspec.json.encode({"machine": {}, "elapsed_s": 1.0, "benches": [worker]}))
    found = measured(read(file))
    assert found.worker_per_s == 7.0
    assert found.loop_cpu_ms == measured(bundled()).loop_cpu_ms
    assert found.tuning == measured(bundled()).tuning


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"benches": 1}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bench.json"
    file.write_text(text)
    with pytest.raises(MeasuredError, match=r"bench\.json"):
        read(file)


def test_a_missing_figure_is_named() -> None:
    found = {**bundled(), "benches": []}
    with pytest.raises(MeasuredError, match="aggregator"):
        measured(found)


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


def test_the_nearest_row_of_the_tuner_counts() -> None:
    found = measured(bundled())
    row = found.tuner_row(3, 3)
    assert (row.tasks, row.models) == (3, 3)
    assert row.partitions == max(r.partitions for r in found.tuning if r.models == r.tasks == 3)
    assert found.tuner_row(3, 60).models == 50
