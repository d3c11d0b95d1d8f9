"""Logs drawn by numpy, whose models' true rates are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.whatif.ratios import Estimate
from agents.whatif.tables import Floats, Table

RATES = (0.55, 0.7, 0.62, 0.9)
LOGGED = (0.90, 0.05, 0.03, 0.02)
LATER = (0.30, 0.60, 0.05, 0.05)
MODELS = ("a", "b", "c", "d")


@dataclass(frozen=True)
class Draws:
    """How a log is drawn.

    ``session``: decisions per session, all by one draw of the model (one epoch); ``alike``: how
    much of a session's luck is common to its decisions, 0 to 1.
    """

    count: int = 5000
    rates: Sequence[float] = RATES
    session: int = 1
    alike: float = 0.0


PLAIN = Draws()
NEAR = (0.25, 0.65, 0.05, 0.05)
FAR = (0.0, 0.5, 0.0, 0.5)
CASES: dict[str, tuple[tuple[float, ...], Draws]] = {
    "near": (NEAR, Draws(count=2000)),
    "far": (FAR, Draws(count=4000)),
    "sessions": (NEAR, Draws(count=3000, session=6, alike=0.7)),
    "nearly always right": (FAR, Draws(count=4000, rates=(0.5, 0.98, 0.7, 0.99))),
}
"""Targets, and the logs to ask; the effective sample sizes are about 410, 350, 630 and 350."""


def table(seed: int, target: Sequence[float], draws: Draws = PLAIN) -> Table:
    """A log whose rule changes in the middle; the target's weights stay."""
    random = np.random.default_rng(seed)
    sessions = -(-draws.count // draws.session)
    keys = np.repeat(np.arange(sessions), draws.session)[: draws.count]
    half = np.arange(draws.count) >= draws.count // 2
    logged = np.where(half[:, None], np.array(LATER), np.array(LOGGED))
    uniform = random.random(sessions)[keys]
    chosen = (uniform[:, None] > np.cumsum(logged, axis=1)[:, :-1]).sum(axis=1)
    common = random.random(sessions)[keys]
    luck = np.where(random.random(draws.count) < draws.alike, common, random.random(draws.count))
    rewards = (luck < np.array(draws.rates)[chosen]).astype(np.float64)
    return Table(
        task="code",
        models=MODELS,
        chosen=chosen.astype(np.int64),
        propensity=logged[np.arange(draws.count), chosen],
        logged=logged,
        target=np.tile(np.array(target, dtype=np.float64), (draws.count, 1)),
        unseen={},
        numerator=rewards,
        denominator=np.ones(draws.count),
        keys=keys.astype(np.int64),
    )


def truth(target: Sequence[float], draws: Draws = PLAIN) -> float:
    """What the target is worth."""
    return float(np.dot(target, draws.rates))


def covers(estimate: Estimate | None, value: float) -> bool:
    """Whether the interval holds the value."""
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= value <= estimate.high


def column(estimates: Sequence[Estimate | None], name: str = "value") -> Floats:
    """One field of each."""
    return np.array([getattr(one, name) for one in estimates], dtype=np.float64)
