"""What a decision would have brought, by the mean of what came before it."""

from __future__ import annotations

import numpy as np

from agents.whatif.tables import Floats, Ints

START = 0.5
"""The expectation before anything is known; it has the weight of one decision."""


def running_means(values: Floats, chosen: Ints, models: int, keys: Ints) -> Floats:
    """Expectations by row and model, from earlier rows of other sessions alone.

    So a row's expectation depends neither on its own outcome nor on its own draw, which its
    session shares, and the doubly robust estimate stays unbiased however wrong it is. A model's
    mean begins at the task's, with the weight of one decision.

    Args:
        values: what came of each row, in order of time.
        chosen: each row's column.
        models: how many columns.
        keys: each row's session.
    """
    counts = np.zeros((len(values), models))
    counts[np.arange(len(values)), chosen] = 1.0
    sums = counts * values[:, None]
    counts, sums = _earlier(counts, keys), _earlier(sums, keys)
    overall = (sums.sum(axis=1) + START) / (counts.sum(axis=1) + 1)
    means = (sums + overall[:, None]) / (counts + 1)
    return np.asarray(means, dtype=np.float64)


def _earlier(amounts: Floats, keys: Ints) -> Floats:
    """Of each column, the sum over earlier rows that have another key."""
    order = np.argsort(keys, kind="stable")
    ordered, own = keys[order], np.empty_like(amounts)
    before = np.cumsum(amounts[order], axis=0) - amounts[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(keys) else np.zeros(0, dtype=bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(keys)), 0))
    own[order] = before - before[first]
    # Sums of many floats, one minus the other: what is nothing must not come out below it.
    earlier = np.cumsum(amounts, axis=0) - amounts - own
    return np.asarray(np.maximum(earlier, 0.0), dtype=np.float64)
