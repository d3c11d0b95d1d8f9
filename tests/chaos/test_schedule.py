"""A seed says exactly what happens when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.chaos.plan import BROKER_KINDS, FULL, MODEL_KINDS, SHORT, SINGLE_KINDS, Plan
from tests.chaos.schedule import PAUSED_S, schedule

SEEDS = range(1, 21)
KINDS = {*SINGLE_KINDS, *MODEL_KINDS, *BROKER_KINDS, "pause", "disk-full"}


def test_the_same_seed_gives_the_same_faults() -> None:
    assert schedule(FULL, 7) == schedule(FULL, 7)
    assert schedule(FULL, 7) != schedule(FULL, 8)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_full_run_has_every_kind(seed: int) -> None:
    faults = schedule(FULL, seed)
    assert {fault.kind for fault in faults} == KINDS
    assert faults == sorted(faults)
    assert all(0 < fault.at_s < FULL.load_s for fault in faults)


@pytest.mark.parametrize("plan", [FULL, SHORT])
@pytest.mark.parametrize("seed", SEEDS)
def test_targets_are_there(plan: Plan, seed: int) -> None:
    seats = {f"{role}-{number}" for role, number in plan.seats()}
    for fault in schedule(plan, seed):
        if fault.kind in SINGLE_KINDS or fault.kind == "pause":
            assert fault.target in seats
        if fault.kind in MODEL_KINDS:
            assert fault.target in plan.models
        if fault.kind == "pause":
            assert PAUSED_S[0] <= fault.for_s <= PAUSED_S[1]


@pytest.mark.parametrize("plan", [FULL, SHORT])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_broker_is_down_at_a_time(plan: Plan, seed: int) -> None:
    faults = [fault for fault in schedule(plan, seed) if fault.kind in BROKER_KINDS]
    for fault, after in pairwise(faults):
        assert after.at_s > fault.at_s + fault.for_s + 10, "there is time to come back"


def test_short_has_a_bit_of_everything() -> None:
    kinds = {fault.kind for fault in schedule(SHORT, 1)}
    assert set(SINGLE_KINDS) <= kinds
    assert {"pause", "disk-full"} <= kinds
    assert kinds & set(BROKER_KINDS)
    assert kinds & set(MODEL_KINDS)
