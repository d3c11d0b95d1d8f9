"""The estimators: importance weights, with and without a model of the rewards. Pure.

With w the target's probability of the logged model over the logged one's, r the reward, q the
model's expectation, over n decisions:

- ips (Horvitz and Thompson 1952): sum(w r) / n
- snips (Swaminathan and Joachims 2015): sum(w r) / sum(w)
- dr (Dudik, Langford and Li 2011): sum(sum_m target(m) q(m) + w (r - q(chosen))) / n

Each is a ratio of sums; where the objective has a denominator of its own, it is put in the place
of n (and weighed likewise).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from agents.whatif.ratios import (
    Estimate,
    Spread,
    by_cluster,
    effective_count,
    ratio,
    typical_weight,
)
from agents.whatif.reward_model import running_means
from agents.whatif.tables import Floats, Ints, Table


@dataclass(frozen=True)
class Terms:
    """By decision: weights before and after clipping, rewards, and what DR makes of them."""

    raw: Floats
    weight: Floats
    numerator: Floats
    denominator: Floats
    dr_numerator: Floats
    dr_denominator: Floats
    keys: Ints


class Estimates(msgspec.Struct, frozen=True, kw_only=True):
    """The target's value by each estimator, the logged one's own, and DR's gain over it.

    ``mean_weight`` is 1 in expectation where the propensities are true.
    """

    on_policy: Estimate | None
    ips: Estimate | None
    snips: Estimate | None
    dr: Estimate | None
    gain: Estimate | None
    mean_weight: Estimate | None
    max_weight: float
    effective_sample_size: float
    effective_sessions: float
    sessions: int
    clipped: float


def terms(table: Table, clip: float | None = None) -> Terms:
    """One task's terms; weights above ``clip`` are lowered to it."""
    rows = np.arange(len(table.chosen))
    raw = table.target[rows, table.chosen] / table.propensity
    weight = raw if clip is None else np.minimum(raw, clip)

    def robust(values: Floats) -> Floats:
        means = running_means(values, table.chosen, len(table.models), table.keys)
        direct = (table.target * means).sum(axis=1)
        return np.asarray(direct + weight * (values - means[rows, table.chosen]), np.float64)

    plain = bool((table.denominator == 1.0).all())
    return Terms(
        raw=raw,
        weight=weight,
        numerator=table.numerator,
        denominator=table.denominator,
        dr_numerator=robust(table.numerator),
        dr_denominator=table.denominator if plain else robust(table.denominator),
        keys=table.keys,
    )


def joined(parts: Sequence[Terms]) -> Terms:
    """Several tasks' terms as one."""

    def one(name: str) -> Floats:
        return np.concatenate([getattr(part, name) for part in parts])

    return Terms(
        raw=one("raw"),
        weight=one("weight"),
        numerator=one("numerator"),
        denominator=one("denominator"),
        dr_numerator=one("dr_numerator"),
        dr_denominator=one("dr_denominator"),
        keys=np.concatenate([part.keys for part in parts]),
    )


def estimate(given: Terms) -> Estimates:
    """All estimates, with intervals clustered by session. There must be a decision."""
    _, clusters = np.unique(given.keys, return_inverse=True)
    weight, ones = given.weight, np.ones_like(given.weight)
    mass, sizes = by_cluster(weight, clusters), by_cluster(ones, clusters)
    plain = bool((given.denominator == 1.0).all())
    # As many degrees of freedom as sessions carry the estimate.
    effective = effective_count(mass)
    free = Spread(effective - 1)
    spread = Spread(effective - 1, typical_weight(mass)) if plain else free
    own = Spread(effective_count(sizes) - 1, typical_weight(sizes) if plain else 0.0)
    paid = given.denominator if plain else weight * given.denominator
    rewarded = weight * given.numerator
    return Estimates(
        on_policy=ratio(given.numerator, given.denominator, clusters, own),
        ips=ratio(rewarded, paid, clusters, spread),
        snips=ratio(rewarded, weight * given.denominator, clusters, spread),
        dr=ratio(given.dr_numerator, given.dr_denominator, clusters, spread),
        gain=ratio(given.dr_numerator - given.numerator, ones, clusters, free) if plain else None,
        mean_weight=ratio(weight, ones, clusters, free),
        max_weight=float(given.raw.max()),
        effective_sample_size=effective_count(weight),
        effective_sessions=effective,
        sessions=len(mass),
        clipped=float((given.raw - weight).mean()),
    )
