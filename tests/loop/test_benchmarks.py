"""The benchmarks on a real broker, small: each measures something, whatever the machine's speed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest

from agents.benchmarks import scale
from agents.benchmarks.aggregator import bench_aggregator
from agents.benchmarks.decision import bench_decision
from agents.benchmarks.loop_delay import bench_loop_delay
from agents.benchmarks.page import page
from agents.benchmarks.path import bench_path
from agents.benchmarks.router import bench_router
from agents.benchmarks.throughput import bench_throughput
from agents.benchmarks.town import Broker
from agents.benchmarks.worker import bench_worker

pytestmark = pytest.mark.timeout(120)


def quiet(_: str) -> None:
    """Nobody is told."""


def medians(found: Mapping[str, Any]) -> dict[str, float]:
    """Each figure's median."""
    return {
        key: value["median"]
        for key, value in found.items()
        if isinstance(value, Mapping) and "median" in value
    }


async def test_router(kafka_bootstrap: str) -> None:
    figures = medians(await bench_router(kafka_bootstrap, 1, 12_000, quiet))
    assert set(figures) == {
        *("records_per_s", "bare_loop_per_s", "faust_empty_per_s", "faust_tutorial_per_s"),
        *("ratio_to_bare_loop", "ratio_to_faust_empty", "ratio_to_faust_tutorial"),
    }
    assert min(figures.values()) > 0
    ratio = figures["records_per_s"] / figures["bare_loop_per_s"]
    assert figures["ratio_to_bare_loop"] == pytest.approx(ratio)


async def test_worker(kafka_bootstrap: str) -> None:
    figures = medians(await bench_worker(kafka_bootstrap, 1, 400, quiet))
    assert set(figures) == {
        *("answers_per_s", "bare_loop_per_s", "bare_loop_our_transport_per_s"),
        *("ratio_to_bare_loop", "ratio_to_bare_loop_our_transport"),
    }
    assert min(figures.values()) > 0


async def test_path(kafka_bootstrap: str) -> None:
    figures = medians(await bench_path(kafka_bootstrap, 1, 20.0, 2.0, quiet))
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]
    assert 0 < figures["bare_hops_p50_ms"] <= figures["bare_hops_p99_ms"]
    assert 0 < figures["litellm_p50_ms"] <= figures["litellm_p99_ms"]


async def test_throughput(kafka_bootstrap: str) -> None:
    figures = medians(await bench_throughput(Broker(kafka_bootstrap, os.getpid()), 1, 100, quiet))
    roles = ("router", "worker", "grader", "aggregator", "tuner")
    parts = [figures[f"{role}_cpu_ms_per_query"] for role in roles]
    assert min(parts) >= 0
    assert figures["cpu_ms_per_query"] == pytest.approx(sum(parts))
    assert figures["broker_cpu_ms_per_query"] >= 0, "here: this very process"
    assert figures["litellm_cpu_over_ours"] > 0


async def test_aggregator(kafka_bootstrap: str) -> None:
    found = await bench_aggregator(kafka_bootstrap, 1, [(60_000, 3)], quiet)
    (row,) = found["rows"]
    assert (row["metrics"], row["over_hours"]) == (60_000, 3)
    assert row["metrics_per_s"]["median"] > 0
    assert 20 < row["resident_mb"]["median"] <= row["resident_mb_peak"]["median"]
    assert row["end_over_half"]["median"] >= 0.5


async def test_scale_shares_the_work(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "plans", lambda: [(2, 4, 3)])
    broker = nullcontext(Broker(kafka_bootstrap))
    (row,) = (await scale.bench_scale(lambda: broker, 1, 20_000, quiet))["rows"]
    assert (row["processes"], row["partitions"], row["models"]) == (2, 4, 3)
    assert row["records_per_s"]["median"] > 0


async def test_loop_delay(kafka_bootstrap: str) -> None:
    figures = medians(await bench_loop_delay(kafka_bootstrap, 1, 40.0, 4.0, quiet))
    assert 0 <= figures["closed_to_routed_p50_ms"] <= figures["closed_to_routed_p95_ms"]
    assert figures["outcome_to_routed_p50_ms"] >= 200, "a window's lateness, at the least"


def test_decision() -> None:
    found = bench_decision(1, sizes=((3, 3),), decisions=200, asked=20)
    (row,) = found["rows"]
    assert 0 < row["p50_us"]["median"] <= row["p99_us"]["median"]
    assert row["litellm_p50_us"]["median"] > 0
    machine = {"cores": 2, "processor": "x", "memory_gb": 1.0, "python": "3"}
    machine |= {"kafka": "4", "broker": "own"}
    assert "## One decision" in page(machine, "zeta bench all", "2026-01-01", 60.0, [found])
