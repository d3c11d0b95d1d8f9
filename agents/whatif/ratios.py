"""A ratio of two sums over decisions, with an interval that is robust to clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np

from agents.whatif.tables import Floats, Ints

NORMAL_95 = 1.959963984540054


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A value with its standard error and 95 % interval; NaN-free, None where there is none."""

    value: float
    se: float | None = None
    low: float | None = None
    high: float | None = None


def student_95(degrees: float) -> float:
    """The 97.5 % quantile of Student's t (the expansion in 1/degrees; good from 4 on)."""
    z, n = NORMAL_95, max(degrees, 4.0)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


def by_cluster(amounts: Floats, clusters: Ints) -> Floats:
    """Sums by cluster; clusters are numbered from 0 without holes."""
    return np.asarray(np.bincount(clusters, amounts), dtype=np.float64)


def effective_count(weights: Floats) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2; 0 where there is no weight."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def typical_weight(weights: Floats) -> float:
    """The weight that the variance comes from, sum w^3 / sum w^2; 0 where there is none."""
    squares = float((weights**2).sum())
    return float((weights**3).sum()) / squares if squares > 0 else 0.0


@dataclass(frozen=True)
class Spread:
    """How an interval is drawn.

    ``degrees``: of freedom. ``pseudo``: the weight of a typical decision, where the value lies
    in 0..1 by its nature: then two of reward 1 and two of reward 0 are added for the interval
    alone, as Agresti and Coull (1998) do for a proportion. Without them a rate near 0 or 1, seen
    through few decisions, gets an interval far too short. 0: nothing is added.
    """

    degrees: float
    pseudo: float = 0.0


def ratio(
    numerator: Floats, denominator: Floats, clusters: Ints, spread: Spread
) -> Estimate | None:
    """Sum of the one over sum of the other; None where that is no number.

    The variance is the delete-one-cluster jackknife's, so decisions of one cluster may depend on
    each other in any way.

    Args:
        numerator: by decision.
        denominator: by decision.
        clusters: of each decision, numbered from 0 without holes.
        spread: for the interval.
    """
    above, below = by_cluster(numerator, clusters), by_cluster(denominator, clusters)
    if (total := float(below.sum())) <= 0:
        return None
    value = float(above.sum()) / total
    if spread.pseudo > 0:
        above = np.r_[above, spread.pseudo * np.array([1.0, 1.0, 0.0, 0.0])]
        below = np.r_[below, np.full(4, spread.pseudo)]
        total = float(below.sum())
    rest, centre, count = total - below, float(above.sum()) / total, len(above)
    if count < 2 or bool((rest <= 0).any()):
        return Estimate(value=value)
    moved = (above - centre * below) / rest
    se = math.sqrt((count - 1) / count * float((moved**2).sum()))
    reach = student_95(spread.degrees) * se
    return Estimate(value=value, se=se, low=centre - reach, high=centre + reach)
