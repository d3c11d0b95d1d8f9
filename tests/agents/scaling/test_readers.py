"""What reading costs those whose simulation has no reading in it."""

from __future__ import annotations

import msgspec
import pytest

from agents.scaling import figures
from agents.scaling.assumed import Assumed
from agents.scaling.breaking import limits
from agents.scaling.measured import measured
from agents.scaling.needs import needs
from agents.scaling.readers import board_s, report_s, tuner_share
from agents.scaling.source import bundled

# 10 us to read a record, 30 us to show a query: with an answer and two metrics 60 us.
KNOWN = msgspec.structs.replace(measured(bundled()), reader_per_s=100_000.0, board_us=30.0)


def test_a_dashboard_reads_an_answer_and_the_metrics_of_each_query() -> None:
    assert board_s(KNOWN, Assumed()) == pytest.approx(60e-6)
    assert board_s(KNOWN, Assumed(graded=0.0)) == pytest.approx(50e-6)


def test_all_that_is_said_of_a_dashboard_counts_its_reading() -> None:
    plain = Assumed()
    (at,) = (one.per_s for one in limits(KNOWN, plain) if one.what == "the dashboard")
    assert at == pytest.approx(10_000, rel=2e-3)
    assert needs(KNOWN, plain, 1_000).used["dashboard"] == pytest.approx(0.06)
    assert "| dashboard | 10,000 | its core |" in figures.alone(KNOWN, plain)


def test_a_tuner_reads_each_part() -> None:
    row = msgspec.structs.replace(KNOWN.tuner_row(3, 3), us_per_part=40.0)
    known = msgspec.structs.replace(KNOWN, tuning=[row])
    plain = Assumed(pane_s=10.0)
    # 1,000 partitions' parts of 3 tasks, 50 us each, in 10 s.
    assert tuner_share(known, plain, 1_000) == pytest.approx(0.015)
    found = needs(known, plain, 100_000)
    share = tuner_share(known, plain, found.partitions["metrics"])
    assert found.used["tuner"] == pytest.approx(share)


def test_a_router_reads_each_report() -> None:
    row = msgspec.structs.replace(KNOWN.hearing[-1], us_per_report=2.0)
    known = msgspec.structs.replace(KNOWN, hearing=[KNOWN.hearing[0], row])
    assert report_s(known) == pytest.approx(12e-6)
