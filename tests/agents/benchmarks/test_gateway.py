"""The gateway's overhead, from the seconds of both ways."""

from __future__ import annotations

import pytest

from agents.benchmarks.gateway import compared


def test_what_is_added_is_the_difference_of_the_quantiles() -> None:
    found = compared("x", [0.001] * 99 + [0.010], [0.004] * 98 + [0.050] * 2)
    assert found == pytest.approx(
        {
            "x_direct_p50_ms": 1.0,
            "x_gateway_p50_ms": 4.0,
            "x_added_p50_ms": 3.0,
            "x_direct_p99_ms": 1.0,
            "x_gateway_p99_ms": 50.0,
            "x_added_p99_ms": 49.0,
        }
    )
