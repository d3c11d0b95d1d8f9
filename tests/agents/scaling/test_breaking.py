"""Where limits are reached."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.scaling.assumed import Assumed, changed
from agents.scaling.breaking import limits, reached
from agents.scaling.measured import measured
from agents.scaling.needs import needs
from agents.scaling.source import bundled

KNOWN = measured(bundled())
CHANGED = changed(Assumed())


@given(st.floats(2, 1e9))
def test_a_limit_is_where_its_load_is_one(at: float) -> None:
    assert reached(lambda q: q / at) == pytest.approx(at, rel=2e-3)


def test_what_is_never_reached_is_said_to_be_the_most() -> None:
    assert reached(lambda _: 0.5, most=1e6) == 1e6


def test_the_first_comes_first() -> None:
    found = limits(KNOWN, Assumed())
    assert [one.per_s for one in found] == sorted(one.per_s for one in found)
    assert found[0].what == "the defaults"


def test_needs_and_limits_agree() -> None:
    at = {one.what: one.per_s for one in limits(KNOWN, Assumed())}
    for role, what in (("gateway", "gateways"), ("dashboard", "the dashboard")):
        assert needs(KNOWN, Assumed(), 0.95 * at[what]).processes[role]
        assert needs(KNOWN, Assumed(), 1.05 * at[what]).processes[role] is None
    tuner_at = at["the tuner"]
    assert needs(KNOWN, Assumed(), 0.9 * tuner_at).processes["tuner"]
    assert needs(KNOWN, Assumed(), 1.1 * tuner_at).processes["tuner"] is None


@given(st.floats(1_000, 1e7), st.floats(0.1, 1_000), st.floats(0, 1))
def test_a_dashboard_never_outlasts_gateways(rate: float, board_us: float, graded: float) -> None:
    # It reads the answers that they read, and the metrics as well.
    known = msgspec.structs.replace(KNOWN, reader_per_s=rate, board_us=board_us)
    at = {one.what: one.per_s for one in limits(known, Assumed(graded=graded))}
    assert at["the dashboard"] < at["gateways"]


def test_the_changes_lift_what_they_are_for() -> None:
    left = {one.what for one in limits(KNOWN, CHANGED)}
    assert not left & {"the defaults", "gateways", "the dashboard"}
    before = {one.what: one.per_s for one in limits(KNOWN, Assumed())}
    for one in limits(KNOWN, CHANGED):
        assert one.per_s >= before[one.what]
