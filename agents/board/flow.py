"""How much travels on each topic, and how far each role is behind. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

OVER_S = 10.0

Lags = Mapping[str, Mapping[str, int | None]]
"""By group, then by topic: records not committed; None where nobody can tell."""


class Flow:
    """The topics' ends over the last seconds, and the groups' last known lags. No prefixes."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, Mapping[str, int]]] = deque()
        self._lags: dict[str, dict[str, int | None]] = {}

    def put_ends(self, at_s: float, ends: Mapping[str, int]) -> None:
        """Takes the sum of each topic's end offsets, as of ``at_s`` (monotonic seconds)."""
        self._samples.append((at_s, ends))
        while len(self._samples) > 2 and self._samples[1][0] <= at_s - OVER_S:
            self._samples.popleft()

    def put_lags(self, lags: Lags) -> None:
        """Takes what is known of all groups now."""
        self._lags = {group: dict(topics) for group, topics in lags.items()}

    def rate(self, topic: str) -> float | None:
        """Records per second over the last ten seconds; None before two samples."""
        if len(self._samples) < 2:
            return None
        (then_s, before), (now_s, now) = self._samples[0], self._samples[-1]
        if topic not in before or topic not in now or now_s <= then_s:
            return None
        return max(0, now[topic] - before[topic]) / (now_s - then_s)

    def view(self) -> dict[str, Any]:
        """Rates by topic, lags by group and topic."""
        topics = self._samples[-1][1] if self._samples else {}
        return {"rates": {topic: self.rate(topic) for topic in topics}, "lags": self._lags}


def lag(ends: Mapping[int, int], committed: Mapping[int, int], firsts: Mapping[int, int]) -> int:
    """Records that a group has still to do; where it has no commit it starts at the first."""
    done = {number: committed.get(number, -1) for number in ends}
    return sum(
        max(0, end - (done[number] if done[number] >= 0 else firsts.get(number, 0)))
        for number, end in ends.items()
    )
