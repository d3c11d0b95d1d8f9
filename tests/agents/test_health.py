"""What a router makes of the workers' reports."""

from __future__ import annotations

from typing import Literal

import pytest

from agents.health import PROBE_S, SILENT_REPORTS, Health
from schemas.model_status import ModelStatus

REPORT_S = 10.0
SILENT_S = REPORT_S * SILENT_REPORTS
BROKER_S = 1_700_000_000.0
"""The broker's clock when the router's monotonic one is 0: they have nothing in common."""


def report(
    health: Health,
    state: Literal["healthy", "probing", "open"],
    now_s: float,
    *,
    worker: str = "a",
    model: str = "m",
    appended_s: float | None = None,
) -> None:
    status = ModelStatus(model=model, worker=worker, state=state, reason="", last_seen_at=0)
    health.put(status, BROKER_S + (now_s if appended_s is None else appended_s), now_s)


def test_a_model_that_nobody_has_reported_is_available() -> None:
    health = Health(REPORT_S)
    assert not health.unavailable(0.0)
    report(health, "healthy", 0.0, model="other")
    assert not health.unavailable(SILENT_S - 1)
    assert health.unavailable(SILENT_S + 1) == {"other"}


def test_one_worker_that_can_is_enough() -> None:
    health = Health(REPORT_S)
    report(health, "open", 0.0, worker="a")
    assert health.unavailable(0.0) == {"m"}
    report(health, "healthy", 1.0, worker="b")
    assert not health.unavailable(1.0)
    report(health, "open", 2.0, worker="b")
    assert health.unavailable(2.0) == {"m"}
    report(health, "healthy", 3.0, worker="a")
    assert not health.unavailable(3.0)


def test_a_worker_that_is_silent_counts_for_nothing() -> None:
    health = Health(REPORT_S)
    report(health, "healthy", 0.0, worker="dead")
    report(health, "open", SILENT_S - 1, worker="alive")
    assert not health.unavailable(SILENT_S - 1)
    assert health.unavailable(SILENT_S + 0.3) == {"m"}
    report(health, "healthy", SILENT_S + 1, worker="alive")
    assert not health.unavailable(SILENT_S + 1)


def test_a_report_that_tells_nothing_new_makes_nobody_look(monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health(REPORT_S)
    looks = 0
    plain = Health._look

    def counted(self: Health, now_s: float) -> tuple[float, frozenset[str]]:
        nonlocal looks
        looks += 1
        return plain(self, now_s)

    monkeypatch.setattr(Health, "_look", counted)
    for number in range(100):
        report(health, "healthy", number / 1000, worker=f"w{number % 10}")
        health.unavailable(number / 1000)
    assert looks == 10, "each worker's first"
    report(health, "open", 0.1, worker="w3")
    health.unavailable(0.1)
    assert looks == 11


def test_one_that_was_silent_and_is_back_counts_at_once() -> None:
    health = Health(REPORT_S)
    report(health, "healthy", 0.0, worker="back")
    report(health, "open", SILENT_S - 1, worker="other")
    assert health.unavailable(SILENT_S + 1) == {"m"}
    report(health, "healthy", SILENT_S + 1, worker="back")
    assert not health.unavailable(SILENT_S + 1)


def test_a_model_that_is_probed_gets_one_query_at_a_time() -> None:
    health = Health(REPORT_S)
    report(health, "probing", 0.0)
    assert not health.unavailable(5.0)
    health.gave("m", 5.0)
    assert health.unavailable(5.0) == {"m"}
    assert health.unavailable(5.0 + PROBE_S - 0.01) == {"m"}
    assert not health.unavailable(5.0 + PROBE_S + PROBE_S / 4)
    health.gave("m", 7.0)
    report(health, "healthy", 7.1)
    assert not health.unavailable(7.1)
    health.gave("m", 7.1)
    assert not health.unavailable(7.1), "a healthy one has no such limit"


def test_at_a_start_the_past_is_read_in_one_moment() -> None:
    """Ages are differences on the broker's clock, so old reports are old at once."""
    health = Health(REPORT_S)
    report(health, "healthy", 0.0, worker="killed", appended_s=-3600.0)
    report(health, "open", 0.0, worker="alive", appended_s=0.0)
    assert health.unavailable(0.0) == {"m"}


def test_after_a_night_without_anybody_the_first_start_waits_for_nobody() -> None:
    health = Health(REPORT_S)
    report(health, "healthy", 0.0, appended_s=-50_000.0)
    assert not health.unavailable(0.0), "it may be that this router is just the first to start"
    assert health.unavailable(SILENT_S + 1) == {"m"}


def test_workers_that_come_and_go_are_forgotten() -> None:
    health = Health(REPORT_S)
    for number in range(1000):
        report(health, "healthy", float(number), worker=f"w{number}")
        assert not health.unavailable(float(number))
    assert len(health._reports["m"]) <= SILENT_S + 1
