"""How long to wait: doubling, bounded, spread, and the same every time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.retrying import retry_pause_s
from streams.settings import Routing

ROUTING = Routing(retry_first_s=0.5, retry_longest_s=30.0)


@pytest.mark.parametrize(
    ("waits", "step"), [(1, 0.5), (2, 1), (3, 2), (6, 16), (7, 30), (8, 30), (10_000, 30)]
)
def test_steps_double_up_to_the_longest(waits: int, step: float) -> None:
    pauses = [retry_pause_s(ROUTING, f"q{number}", waits) for number in range(500)]
    assert step / 2 <= min(pauses) < 0.51 * step
    assert 0.99 * step < max(pauses) < step
    assert sum(pauses) / 500 == pytest.approx(0.75 * step, rel=0.05)


@given(st.text(st.characters()), st.integers(1, 100))
def test_any_key_waits_alike_every_time(key: str, waits: int) -> None:
    pause = retry_pause_s(ROUTING, key, waits)
    assert 0.25 <= pause < 30
    assert pause == retry_pause_s(ROUTING, key, waits)
