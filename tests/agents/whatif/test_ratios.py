"""A ratio of sums, its interval, and the counts that go with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.whatif.ratios import Spread, effective_count, ratio, student_95
from agents.whatif.tables import Ints

PLAIN = Spread(1e9)


def alone(count: int) -> Ints:
    return np.arange(count, dtype=np.int64)


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(5, 2.5706), (10, 2.2281), (30, 2.0423), (1e9, 1.95996)]
)
def test_students_quantile_is_that_of_the_tables(degrees: float, quantile: float) -> None:
    assert student_95(degrees) == pytest.approx(quantile, abs=4e-3)


def test_a_mean_has_the_textbook_error() -> None:
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    found = ratio(values, np.ones(5), alone(5), PLAIN)
    assert found is not None
    assert found.value == pytest.approx(0.6)
    assert found.se == pytest.approx(values.std(ddof=1) / np.sqrt(5))
    assert found.high == pytest.approx(0.6 + 1.95996 * (found.se or 0), abs=1e-4)


def test_decisions_of_one_cluster_count_as_one() -> None:
    """Ten copies of a decision, in its cluster, say no more than the decision."""
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    once = ratio(values, np.ones(5), alone(5), PLAIN)
    often = ratio(np.repeat(values, 10), np.ones(50), np.repeat(alone(5), 10), PLAIN)
    unaware = ratio(np.repeat(values, 10), np.ones(50), alone(50), PLAIN)
    assert once is not None
    assert often is not None
    assert unaware is not None
    assert often.se == pytest.approx(once.se)
    assert (unaware.se or 0) < 0.4 * (once.se or 0)


def test_no_failure_among_few_is_no_certainty() -> None:
    """Agresti and Coull: 4 pseudo-decisions; 10 of 10 right leave room down to about 0.7."""
    right = np.ones(10)
    blind = ratio(right, right, alone(10), PLAIN)
    found = ratio(right, right, alone(10), Spread(1e9, 1.0))
    assert blind is not None
    assert found is not None
    assert (blind.low, blind.high) == (1.0, 1.0)
    assert found.value == 1.0
    assert 0.6 < (found.low or 0) < 0.75
    assert (found.high or 0) >= 1.0


def test_what_is_no_ratio_is_none() -> None:
    assert ratio(np.ones(3), np.zeros(3), alone(3), PLAIN) is None
    lone = ratio(np.ones(3), np.ones(3), np.zeros(3, dtype=np.int64), PLAIN)
    assert lone is not None
    assert (lone.value, lone.se, lone.low) == (1.0, None, None)


def test_effective_count_by_hand() -> None:
    assert effective_count(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)
    assert effective_count(np.zeros(3)) == 0.0


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50), st.floats(0.1, 10))
def test_effective_count_has_no_unit_and_no_more_than_there_are(
    weights: list[float], scale: float
) -> None:
    given = np.array(weights)
    found = effective_count(given)
    assert 1 - 1e-9 <= found <= len(weights) + 1e-9
    assert effective_count(given * scale) == pytest.approx(found)
