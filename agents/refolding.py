"""One partition of ``metrics``, folded again into parts of windows, as far as is asked for.

Where retention has taken the beginning of a partition, its next windows are in doubt: they may
have begun before, or hold a copy of a record that is gone.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

from agents.differing import Difference, DiffersError
from schemas.window_score import WindowScore
from schemas.wire import encode
from streams.folding import fold_records
from streams.history import Log, LoggedRecord
from streams.identities import reach_ms
from streams.settings import Settings
from streams.windows import WindowFold

RECENT = 10_000
"""So many parts per partition are remembered, to know a second copy by."""

Key = tuple[str, int, int]
OnProgress = Callable[[int], None]


@dataclass(slots=True)
class Part:
    """A refolded part, and the offset of its first copy on ``scores`` (None: not seen yet)."""

    score: WindowScore
    value: bytes
    offset: int | None = None


def key_of(score: WindowScore) -> Key:
    """What a part shares with its copies, within its partition."""
    return score.task, score.window_start_at, score.window_end_at


class PartitionFold:
    """One partition of ``metrics``, folded as far as asked."""

    def __init__(self, log: Log, number: int, settings: Settings, progress: OnProgress) -> None:
        windows = settings.windows
        self._kafka = settings.kafka
        self.number = number
        self.fold = WindowFold(
            partition=number,
            partitions=len(log.partitions("metrics")),
            tasks=settings.tasks,
            windows=windows,
        )
        self.closed_at = 0
        self.first_logged = 0
        self.newest_logged = 0
        self.unlogged: dict[Key, Part] = {}
        self.recent: OrderedDict[Key, bytes] = OrderedDict()
        self._progress = progress
        self._batches = log.read("metrics", number)
        self._next = log.beginning("metrics", number)
        self._doubt_ms = max(reach_ms(windows.horizon_ms), 1000 * windows.skew_s) + windows.pane_ms
        self._doubt_until = math.inf if self._next > 0 else -1.0

    def in_doubt(self, start_at: int) -> bool:
        """Whether retention may have taken records of a window that starts then."""
        return start_at <= self._doubt_until

    async def close_until(self, end_at: int) -> AsyncIterator[Part]:
        """Folds on until windows are closed up to then, or all is folded; what that closes."""
        while self.closed_at < end_at:
            records = await anext(self._batches, None)
            if records is None:
                return
            if self._doubt_until == math.inf:
                self._doubt_until = records[0].timestamp + self._doubt_ms
            for score in self._fold(records):
                self.closed_at = max(self.closed_at, score.window_end_at)
                yield Part(score, encode(score))
            self._progress(len(records))

    def _fold(self, records: Sequence[LoggedRecord]) -> Iterator[WindowScore]:
        for record in records:
            if record.offset != self._next:
                self._gap(record.offset)
            self._next = record.offset + 1
        for _, said in fold_records(self.fold, self._kafka, records):
            if not isinstance(said, Exception):  # or it counted for nothing
                yield from said

    def _gap(self, offset: int) -> None:
        problem = f"metrics-{self.number}: offsets {self._next} to {offset - 1} are missing"
        raise DiffersError(
            Difference(topic="metrics", offset=self._next, partition=self.number, problem=problem)
        )

    def remember(self, key: Key, value: bytes) -> None:
        """Notes what is on ``scores``, to know a second copy by."""
        self.recent[key] = value
        if len(self.recent) > RECENT:
            self.recent.popitem(last=False)

    def forgot(self, score: WindowScore) -> bool:
        """Whether this may be a second copy of a part that is too long ago to remember."""
        return len(self.recent) == RECENT and score.window_end_at < self.newest_logged
