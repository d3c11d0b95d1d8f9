"""Python's garbage collector in a role's process."""

from __future__ import annotations

import gc

COLLECTED_AFTER = 5000
"""New objects more than freed ones, where Python's own default is 700; 20,000 gained no more."""


def collect_seldom() -> None:
    """Has the collector pass over all that was made until now, and look less often at the rest.

    It took 30 % of a busy worker's processor time and 10 % of a router's, and found nothing: what
    a record needs is freed as its references go. Seldom is enough for the cycles of what failed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER, 10, 10)
