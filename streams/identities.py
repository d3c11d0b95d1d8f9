"""Which identities a log has had of late. Pure: the times are the log's."""

from __future__ import annotations

from collections.abc import Collection, Sequence

SLICES = 4
"""A horizon is remembered in so many pieces of the log's time, each dropped whole.

One dictionary with each identity's time takes 150 to 200 bytes of memory for each, these sets 110.
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

    def put_all(self, identities: Sequence[bytes], logged: Sequence[int]) -> Collection[int]:
        """Takes note of them, in their order; the positions of those that were known already.

        All are looked for at once, which costs 0.3 us for each instead of 1.2 (a million in
        memory); where some are known, or not all are of one slice, halves are, and so on.

        Args:
            identities: any number, also of equal ones.
            logged: when each was, in Unix ms by the log.
        """
        known: list[int] = []
        if identities:
            self._put(identities, logged, 0, known)
        return known

    def _put(
        self, identities: Sequence[bytes], logged: Sequence[int], first: int, known: list[int]
    ) -> None:
        since, number = self._since(max(logged)), min(logged) // self._width
        new = set(identities)
        if number == max(logged) // self._width and since == self._since(min(logged)):
            recent = (names for n, names in self._slices.items() if n >= since)
            if len(new) == len(identities) and all(map(new.isdisjoint, recent)):
                self._slice(number, since).update(new)
                return
            if len(identities) == 1:
                self._slice(number, since).update(new)
                known.append(first)
                return
        half = len(identities) // 2
        self._put(identities[:half], logged[:half], first, known)
        self._put(identities[half:], logged[half:], first + half, known)

    def _since(self, logged_at: int) -> int:
        """The first slice that matters then."""
        return (logged_at - self._horizon) // self._width

    def _slice(self, number: int, since: int) -> set[bytes]:
        """One slice; where it is new, those before ``since`` are dropped."""
        if number not in self._slices:
            self._slices = {n: names for n, names in self._slices.items() if n >= since}
            self._slices[number] = set()
        return self._slices[number]
