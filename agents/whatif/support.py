"""Whether the log can speak for a target at all."""

from __future__ import annotations

import numpy as np

from agents.whatif.tables import Floats, Table

FEW = 5
"""A model chosen less often than this is as good as never chosen."""

RARE = 1e-4
"""So is one whose propensity was below this."""

HEAVY = 10.0
"""A weight that one decision would have, from which on a few missing ones are felt."""


def unsupported(table: Table) -> dict[str, float]:
    """By model, the share of the target's probability that the log has nothing for, 0..1.

    In each row that of the eligible models to which the rule in force had given no chance, or
    almost none; that of models which were hardly ever chosen though the target wants them far more
    than the log did; and that of models which weren't there.
    """
    chosen = np.bincount(table.chosen, minlength=len(table.models))
    wanted = ~(table.target <= HEAVY * table.logged)  # true where the log's chance isn't known
    missing: Floats = table.target * (wanted & ((table.logged < RARE) | (chosen < FEW)))
    present = 1.0 - sum(table.unseen.values())
    shares = {
        name: float(share) * present
        for name, share in zip(table.models, missing.mean(axis=0), strict=True)
    }
    found = {**shares, **table.unseen}
    return {name: share for name, share in sorted(found.items()) if share > 0}


def thin(table: Table) -> float:
    """The share of the target's probability that falls on rows where luck decides, 0..1.

    There the model would have so heavy a weight that in all rows of such a weight it was to be
    chosen fewer than ``FEW`` times: mostly it never is, and importance weights alone miss it,
    without a trace in their variance.
    """
    total = 0.0
    chosen = np.bincount(table.chosen, minlength=len(table.models))
    for column in np.flatnonzero(chosen >= FEW):  # the others are unsupported altogether
        chance, wanted = table.logged[:, column], table.target[:, column]
        rows = np.flatnonzero((wanted > HEAVY * chance) & (chance >= RARE))
        heaviest = rows[np.argsort(-wanted[rows] / chance[rows], kind="stable")]
        few = heaviest[np.cumsum(chance[heaviest]) < FEW]
        total += float(wanted[few].sum())
    return total / len(table.chosen)
