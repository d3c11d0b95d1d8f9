"""What models are truly worth."""

from __future__ import annotations

import pytest

from agents.evaluation.shifts import Shift
from agents.evaluation.worlds import best
from tests.agents.evaluation.recorded import outcomes, plan, settings, steady

WORLD = outcomes({"x": steady(100, a=0.8, b=0.6), "y": {"b": [0.25] * 4}}, {"a": 4.0, "b": 1.0})


def test_by_accuracy() -> None:
    found = plan(WORLD).worlds.outside
    assert found["x"] == pytest.approx({"a": 0.8, "b": 0.6})
    assert found["y"] == pytest.approx({"b": 0.25})


def test_by_inverse_latency_the_best_is_1() -> None:
    found = plan(WORLD, objective="inverse-latency").worlds.outside
    assert found["x"] == pytest.approx({"a": (0.8 / 4) / (0.6 / 1), "b": 1.0})


def test_balanced_knows_the_latency() -> None:
    weights = {"routing_latency_weight": 10, "routing_price_weight": 0}
    found = plan(WORLD, objective="balanced", base=settings(**weights)).worlds.outside
    assert best(found["x"]) == "b"
    target_s, quality = 10.0, 0.8 / 10.8
    service = 1 / (1 + 4 / target_s)
    assert found["x"]["a"] == pytest.approx(quality * 0.8 + (1 - quality) * service, abs=0.002)


def test_inside_a_shift() -> None:
    shift = Shift(at=0.5, restore_at=0.8, model="a", points=-0.4)
    found = plan(WORLD, shift).worlds
    assert found.outside["x"]["a"] == pytest.approx(0.8)
    assert found.inside["x"] == pytest.approx({"a": 0.4, "b": 0.6})


def test_of_equals_the_first_is_the_best() -> None:
    assert best({"b": 1.0, "a": 1.0, "c": 0.5}) == "a"
