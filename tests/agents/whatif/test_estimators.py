"""The estimators against cases worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.whatif.estimators import estimate, joined, terms
from agents.whatif.ratios import Estimate
from agents.whatif.reward_model import running_means
from agents.whatif.tables import Table
from tests.agents.whatif.simulated import LATER, LOGGED, RATES, Draws, table


def by_hand(
    chosen: Sequence[int],
    logged: Sequence[Sequence[float]],
    target: Sequence[Sequence[float]],
    rewards: Sequence[float],
    spent: Sequence[float] | None = None,
) -> Table:
    """Each decision a session of its own."""
    chances, columns = np.array(logged), np.array(chosen)
    return Table(
        task="code",
        models=tuple("abcdef"[: chances.shape[1]]),
        chosen=columns,
        propensity=chances[np.arange(len(columns)), columns],
        logged=chances,
        target=np.array(target, dtype=np.float64),
        unseen={},
        numerator=np.array(rewards, dtype=np.float64),
        denominator=np.ones(len(columns)) if spent is None else np.array(spent),
        keys=np.arange(len(columns)),
    )


FOUR = by_hand([0, 1, 0, 1], [[0.8, 0.2]] * 4, [[0.4, 0.6]] * 4, [1, 0, 0, 1])
"""Weights 0.5 for the first model, 3 for the second."""


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.value


def test_four_decisions_by_hand() -> None:
    found = estimate(terms(FOUR))
    assert value(found.on_policy) == pytest.approx(0.5)
    assert value(found.ips) == pytest.approx((0.5 + 3) / 4)
    assert value(found.snips) == pytest.approx((0.5 + 3) / 7)
    assert value(found.mean_weight) == pytest.approx(7 / 4)
    assert found.effective_sample_size == pytest.approx(49 / (0.25 + 9 + 0.25 + 9))
    assert found.max_weight == pytest.approx(3)
    assert (found.sessions, found.clipped) == (4, 0.0)


def test_the_doubly_robust_one_by_hand() -> None:
    """Expectations before each: nothing; then 1 seen of a; then 0 seen of b; then 0 of a again."""
    means = running_means(FOUR.numerator, FOUR.chosen, 2, FOUR.keys)
    start = [0.5, (1 + 0.5) / 2, (1 + 0.5) / 3, (1 + 0.5) / 4]
    assert means[:, 0] == pytest.approx(
        [start[0], (1 + start[1]) / 2, (1 + start[2]) / 2, (1 + start[3]) / 3]
    )
    assert means[:, 1] == pytest.approx([start[0], start[1], start[2] / 2, start[3] / 2])
    direct = (means * FOUR.target).sum(axis=1)
    residuals = [
        0.5 * (1 - means[0, 0]),
        3 * (0 - means[1, 1]),
        0.5 * (0 - means[2, 0]),
        3 * (1 - means[3, 1]),
    ]
    assert value(estimate(terms(FOUR)).dr) == pytest.approx((direct + residuals).mean())


def test_an_expectation_knows_nothing_of_its_own_session() -> None:
    values, chosen = np.array([1.0, 1.0, 0.0]), np.zeros(3, dtype=np.int64)
    means = running_means(values, chosen, 1, np.array([7, 7, 8]))
    assert means[1, 0] == means[0, 0] == 0.5
    assert means[2, 0] > 0.8


def test_clipping_lowers_weights_and_says_by_how_much() -> None:
    found = estimate(terms(FOUR, clip=2))
    assert value(found.ips) == pytest.approx((0.5 + 2) / 4)
    assert found.max_weight == pytest.approx(3)
    assert found.clipped == pytest.approx(2 * 1 / 4)


def test_an_objective_with_a_denominator_is_a_ratio_of_estimates() -> None:
    given = by_hand([0, 1], [[0.5, 0.5]] * 2, [[0.25, 0.75]] * 2, [1, 1], [2, 8])
    found = estimate(terms(given))
    assert value(found.on_policy) == pytest.approx(2 / 10)
    assert value(found.ips) == pytest.approx((0.5 + 1.5) / (0.5 * 2 + 1.5 * 8))
    assert value(found.snips) == value(found.ips)
    assert found.gain is None


def test_the_logged_weights_as_the_target_give_the_logged_value() -> None:
    log = table(1, LOGGED, Draws(count=900, session=3))
    same = Table(**{**vars(log), "target": log.logged})
    found = estimate(terms(same))
    assert value(found.snips) == value(found.ips) == value(found.on_policy)
    assert found.snips == found.ips == found.on_policy
    assert found.effective_sample_size == pytest.approx(900)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(1, 9), st.floats(0, 1)),
        min_size=2,
        max_size=40,
    )
)
def test_snips_stays_among_the_rewards_and_a_constant_reward_is_found(
    rows: list[tuple[int, int, int, float]],
) -> None:
    logged = [[a / (a + b + 5), b / (a + b + 5), 5 / (a + b + 5)] for _, a, b, _ in rows]
    target = [[b / (a + b), 0.0, a / (a + b)] for _, a, b, _ in rows]
    chosen, rewards = [row[0] for row in rows], [row[3] for row in rows]
    found = estimate(terms(by_hand(chosen, logged, target, rewards)))
    if found.snips is not None:
        assert min(rewards) - 1e-9 <= found.snips.value <= max(rewards) + 1e-9
    constant = estimate(terms(by_hand(chosen, logged, target, [0.5] * len(rows))))
    assert value(constant.dr) == pytest.approx(0.5)


def test_tasks_are_joined_decision_by_decision() -> None:
    parts = [terms(table(seed, LATER, Draws(count=50))) for seed in range(2)]
    both = estimate(joined(parts))
    mean = np.mean([value(estimate(part).ips) for part in parts])
    assert value(both.ips) == pytest.approx(mean)
    assert len(RATES) == 4
