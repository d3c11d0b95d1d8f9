"""Which identities a log has had of late. Pure: the times are the log's."""

from __future__ import annotations

from collections import deque


class Identities:
    """The identities of the last ``horizon_ms`` of log time, and no others while it goes forward.

    What it says doesn't depend on where in the log it began, if that is a horizon or more before.
    The order of arrival is kept beside the dictionary: one that is emptied from its own front is
    searched from its very beginning each time (at 50,000 identities 22 us a metric, and growing).

    Args:
        horizon_ms: how long an identity is known, both ends included.
    """

    def __init__(self, horizon_ms: int) -> None:
        self._horizon = horizon_ms
        self._last: dict[bytes, int] = {}
        self._identities: deque[bytes] = deque()
        self._times: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._last)

    def put(self, identity: bytes, logged_at: int) -> bool:
        """Takes note of one; whether it was known. ``logged_at``: Unix ms, by the log."""
        since = logged_at - self._horizon
        while self._times and self._times[0] < since:
            self._forget_one()
        last = self._last.get(identity)
        if last is None or last < logged_at:
            self._last[identity] = logged_at
            self._identities.append(identity)
            self._times.append(logged_at)
        return last is not None and last >= since

    def _forget_one(self) -> None:
        identity, logged_at = self._identities.popleft(), self._times.popleft()
        if self._last[identity] == logged_at:
            del self._last[identity]
