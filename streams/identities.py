"""Which identities a log has had of late. Pure: the times are the log's."""

from __future__ import annotations

SLICES = 4
"""A horizon is remembered in so many pieces of the log's time, each dropped whole.

One dictionary with each identity's time, emptied from its front, is searched from its very
beginning each time: 22 us a metric at 50,000 of them, and growing. And a set's entry takes 100
bytes where that took 150, or 200 with the order of arrival beside it.
"""


def reach_ms(horizon_ms: int) -> int:
    """How far back in log time what is said may depend on: a horizon and less than a slice."""
    return horizon_ms + _width(horizon_ms)


def _width(horizon_ms: int) -> int:
    return max(1, horizon_ms // SLICES)


class Identities:
    """The identities of the last ``horizon_ms`` of log time, and of at most a quarter more.

    What it says doesn't depend on where in the log it began, if that is ``reach_ms`` or more
    before: the slices begin at the same instants for all.

    Args:
        horizon_ms: how long an identity is known at least, both ends included.
    """

    def __init__(self, horizon_ms: int) -> None:
        self._horizon = horizon_ms
        self._width = _width(horizon_ms)
        self._slices: dict[int, set[bytes]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._slices.values()))

    def put(self, identity: bytes, logged_at: int) -> bool:
        """Takes note of one; whether it was known. ``logged_at``: Unix ms, by the log."""
        since = (logged_at - self._horizon) // self._width
        known = False
        for number, entries in self._slices.items():
            if identity in entries and number >= since:
                known = True
                break
        now = logged_at // self._width
        if now not in self._slices:
            self._slices = {n: names for n, names in self._slices.items() if n >= since}
            self._slices[now] = set()
        self._slices[now].add(identity)
        return known
