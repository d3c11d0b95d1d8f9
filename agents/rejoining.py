"""Refolded parts of windows joined with ``scores``: each must equal its record there.

Both topics are read as far as is asked for, so memory is bounded by how far partitions and tasks
are apart. A part in doubt (see ``agents.refolding``) counts only when it equals the logged one;
a logged part that isn't reproduced there is noted as lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec

from agents.differing import Difference, DiffersError, EndedError, field_differences
from agents.refolding import OnProgress, Part, PartitionFold, key_of
from schemas.window_score import WindowScore
from schemas.wire import WireError, decode, encode
from streams.history import Log, LoggedRecord
from streams.replay.origin import replayed_by
from streams.settings import Settings

GONE = -1
"""The offset of a part whose record on ``scores`` was taken by retention."""

Span = tuple[int, int]


class Rejoining:
    """All partitions, joined with ``scores``.

    ``windows``: by task and (end, start), the parts with data by partition; ``lost``: the
    windows of which retention has taken a part's metrics.

    ``ragged``: ``metrics`` may end before what ``scores`` made of them.

    Raises (from both methods):
        DiffersError: a part on ``scores`` is not what ``metrics`` lead to.
        EndedError: ``metrics`` end; only where the log is ragged.
    """

    def __init__(
        self, log: Log, settings: Settings, progress: OnProgress, *, ragged: bool = False
    ) -> None:
        self.windows: dict[str, dict[Span, dict[int, Part]]] = {}
        self.lost: dict[str, set[Span]] = {}
        self.checked = 0
        self.unchecked = 0
        self._ragged = ragged
        self._tasks = settings.tasks
        self._kafka = settings.kafka
        self._pane_ms = settings.windows.pane_ms
        self._folds = {
            number: PartitionFold(log, number, settings, progress)
            for number in log.partitions("metrics")
        }
        self._trimmed = log.beginning("scores", 0) > 0
        self._scores = _one_by_one(log.read("scores", 0))
        self._next_score = log.beginning("scores", 0)

    async def close_until(self, end_at: int) -> None:
        """Folds ``metrics`` until every partition's windows are closed up to then."""
        for own in self._folds.values():
            await self._advance(own, end_at)

    async def _advance(self, own: PartitionFold, end_at: int) -> None:
        async for part in own.close_until(end_at):
            own.unlogged[key_of(part.score)] = part
            if part.score.models and not own.in_doubt(part.score.window_start_at):
                self._add(own, part)
        if self._ragged and own.closed_at < end_at:
            raise EndedError(f"metrics-{own.number} ends before the window that ends at {end_at}")

    def _add(self, own: PartitionFold, part: Part) -> None:
        task, start_at, end_at = key_of(part.score)
        window = self.windows.setdefault(task, {}).setdefault((end_at, start_at), {})
        window[own.number] = part

    async def read_scores(self, until: int | None = None) -> bool:
        """Compares what ``scores`` holds before offset ``until``; None: the next record.

        Returns:
            Whether there was anything to compare.
        """
        found = False
        while until is None or self._next_score < until:
            record = await anext(self._scores, None)
            if record is None:
                return found
            self._next_score, found = record.offset + 1, True
            if replayed_by(self._kafka, record.headers) is not None:
                continue
            try:
                score = decode(WindowScore, record.value)
            except WireError:
                continue  # the tuner has put it on dead-letters
            await self._compare(record.offset, record.value or b"", score)
            if until is None:
                return True
        return found

    async def _compare(self, offset: int, value: bytes, score: WindowScore) -> None:
        if self._ragged and score.partitions > len(self._folds):
            there = f"{len(self._folds)} of {score.partitions}"
            raise EndedError(f"{there} partitions of metrics are there")
        own = self._folds.get(score.partition)
        if own is None:
            raise _differs(offset, score, "metrics has no such partition")
        await self._advance(own, score.window_end_at)
        key = key_of(score)
        if (part := own.unlogged.pop(key, None)) is not None:
            self._compare_first(own, offset, value, score, part)
        elif key in own.recent:
            if own.recent[key] != value:
                first = decode(WindowScore, own.recent[key])
                raise _differs(offset, score, "differs from the first copy of the part", first)
        elif own.forgot(score):
            self.unchecked += 1
            return
        elif score.models or score.task in self._tasks:  # else: a task that is no more
            self._unmatched(own, offset, score, None)
        self.checked += 1

    def _compare_first(
        self, own: PartitionFold, offset: int, value: bytes, score: WindowScore, part: Part
    ) -> None:
        if part.value == value or _before_growth(part.score, score) == value:
            part.offset = offset
            if score.models:
                self._add(own, part)
        else:
            self._unmatched(own, offset, score, part)
        own.first_logged = own.first_logged or score.window_end_at
        self._settle_older(own, offset, score.window_end_at)
        own.remember(key_of(score), value)
        own.newest_logged = max(own.newest_logged, score.window_end_at)

    def _unmatched(
        self, own: PartitionFold, offset: int, score: WindowScore, part: Part | None
    ) -> None:
        size_ms = score.window_end_at - score.window_start_at
        grid = (size_ms, score.window_end_at)
        if any(at % self._pane_ms for at in grid) or (score.models and size_ms != self._pane_ms):
            raise _differs(
                offset,
                score,
                f"spans {size_ms / 1000:g} s, but by windows.size_s and windows.panes it would be "
                f"{self._pane_ms / 1000:g}: rebuild with the aggregator's settings",
            )
        if own.in_doubt(score.window_start_at):
            span = (score.window_end_at, score.window_start_at)
            self.lost.setdefault(score.task, set()).add(span)
        elif part is None:
            raise _differs(
                offset, score, "no metrics lead to it, or windows.* are not the aggregator's"
            )
        else:
            problem = "metrics lead to another part, or windows.* are not the aggregator's"
            raise _differs(offset, score, problem, part.score)

    def _settle_older(self, own: PartitionFold, offset: int, end_at: int) -> None:
        """A partition's parts come in order: what should have come before this one never will."""
        older = [key for key in own.unlogged if key[2] < end_at]
        for key in older:
            part = own.unlogged.pop(key)
            if own.in_doubt(key[1]):
                continue
            if self._trimmed and key[2] <= own.first_logged:
                part.offset = GONE
                own.remember(key, part.value)  # a copy may survive
            elif part.score.models:
                raise _differs(offset, part.score, "is missing on scores before this offset")

    def forget(self, task: str, end_at: int) -> None:
        """Drops the task's windows up to then."""
        for span in [span for span in self.windows.get(task, ()) if span[0] <= end_at]:
            del self.windows[task][span]
        self.lost[task] = {span for span in self.lost.get(task, ()) if span[0] > end_at}


def _before_growth(refolded: WindowScore, logged: WindowScore) -> bytes | None:
    """The part as it was when ``metrics`` had fewer partitions."""
    if logged.partitions >= refolded.partitions:
        return None
    return encode(msgspec.structs.replace(refolded, partitions=logged.partitions))


def _differs(
    offset: int, score: WindowScore, problem: str, rebuilt: WindowScore | None = None
) -> DiffersError:
    return DiffersError(
        Difference(
            topic="scores",
            offset=offset,
            task=score.task,
            partition=score.partition,
            window_start_at=score.window_start_at,
            window_end_at=score.window_end_at,
            problem=problem,
            fields=[] if rebuilt is None else field_differences(score, rebuilt),
        )
    )


async def _one_by_one(
    batches: AsyncIterator[Sequence[LoggedRecord]],
) -> AsyncIterator[LoggedRecord]:
    async for records in batches:
        for record in records:
            yield record
