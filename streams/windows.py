"""Tumbling windows over one ``metrics`` partition: a pure fold of its records.

Time is the records' own (docs/windows.md). ``observed_at`` chooses the window; a ``Tick``
closes it, ``lateness_s`` after its end, or, after the first tick, a metric that is ``skew_s``
later still: a watermark of bounded out-of-orderness, without which a log that nobody ticked (the
aggregator was away) would have all its windows open at once. Nothing here reads a clock. So the
parts that come out are a function of the partition's records, whoever folds them and however
often:

- a record whose window has closed goes into the oldest open one, and is counted as late;
- a record with the identity of one within the last ``horizon_s`` of log time is dropped (or up
  to a quarter before that, see ``streams.identities``);
- a metric of a replayed query is passed over;
- a record or tick from more than ``skew_s`` ahead of the broker's clock is refused, so that a
  wrong clock can't close or open other people's windows;
- a record that names one task, model or pool too many for its window is refused.

A fold can stop anywhere and resume from its ``anchor``: the offset of the oldest record that is
still in an open window. Re-reading from there, after a look back of ``identities.reach_ms`` that
fills identities only, republishes the very same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec
from xxhash import xxh3_128_digest

from schemas.metric import Metric
from schemas.tick import Tick
from schemas.window_score import WindowScore
from streams.identities import Identities
from streams.refusing import MOST_BYTES, MOST_TASKS, LimitError, RefusedError, SkewError, growth
from streams.settings import Windows
from streams.summaries import Tally, bucket_of


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """Where to resume, kept as the metadata of the offset commit.

    ``offset``: the first record to fold; ``logged_at``: its broker time; ``closed_at``: the end
    of the newest window closed when that record was first read (None: none yet);
    ``published_at``: the end of the newest window whose part is published.
    """

    offset: int
    logged_at: int
    closed_at: int | None = None
    published_at: int | None = None


def _fingerprint(metric: Metric) -> bytes:
    """12 bytes of ``Metric.identity``; with the lengths no two identities are the same text."""
    query_id, model = metric.query_id, metric.model
    lengths = f"{metric.attempt} {len(query_id)} {len(model)}"
    text = f"{lengths} {query_id}{model}{metric.kind}{metric.grader}"
    return xxh3_128_digest(text.encode())[:12]


class _Window:
    """One task's part of one window, still open."""

    __slots__ = ("bytes", "duplicates", "first", "late", "models", "next_offset")

    def __init__(self, first: Anchor) -> None:
        self.first = first
        self.next_offset = first.offset
        self.models: dict[str, Tally] = {}
        self.bytes = 0
        self.late = 0
        self.duplicates = 0


class WindowFold:
    """The fold of one partition.

    Args:
        partition, partitions: which of how many.
        tasks: for these a part is published even when a window had nothing, so that the tuner
            knows that it is closed.
        windows: sizes and bounds.
        resume: the anchor of an earlier fold, None at the log's beginning.
    """

    def __init__(
        self,
        *,
        partition: int,
        partitions: int,
        tasks: Iterable[str],
        windows: Windows,
        resume: Anchor | None = None,
    ) -> None:
        self._partition = partition
        self._partitions = partitions
        self._tasks = tuple(sorted(tasks))
        self._size = windows.pane_ms
        self._lateness = round(windows.lateness_s * 1000)
        self._skew = round(windows.skew_s * 1000)
        self._open: dict[tuple[int, str], _Window] = {}
        self._seen = Identities(windows.horizon_ms)
        self._resume = resume
        self._resumed = resume.offset if resume else -1
        self._closed = resume.closed_at if resume else None
        self._published = resume.published_at if resume else None
        self._next: int | None = None
        self._logged = resume.logged_at if resume else 0

    def fold(self, offset: int, logged_at: int, event: Metric | Tick | None) -> list[WindowScore]:
        """Takes the next record; returns the parts of the windows that it closes, oldest first.

        Args:
            offset: the record's; must be one more than the last.
            logged_at: the record's Kafka timestamp.
            event: what the record says; None where that is nothing for a window.

        Raises:
            SkewError: the event's time is not to be believed; the record counts for nothing.
            LimitError: its window holds no more names; the record counts for nothing.
            AssertionError: a gap in the offsets; folding on would lose records unseen.
        """
        for _, said in self.fold_all(offset, [logged_at], [event]):
            if isinstance(said, RefusedError):
                raise said
            return list(said)
        return []

    def fold_all(
        self, first: int, logged: Sequence[int], events: Sequence[Metric | Tick | None]
    ) -> Iterator[tuple[int, Sequence[WindowScore] | RefusedError]]:
        """Takes the next records; tells of those that close something or are refused.

        To be read to its end before anything else is asked of the fold. It says what ``fold``
        would of one record after the other, for half of the time.

        Args:
            first: the first one's offset; must be one more than the last. The others follow.
            logged: the records' Kafka timestamps.
            events: what they say; None where that is nothing for a window.

        Yields:
            The position among these of a record, and the parts of the windows that it closes,
            oldest first, or why it counts for nothing.

        Raises:
            AssertionError: a gap in the offsets; folding on would lose records unseen.
        """
        self._advance(first, len(events))
        repeated = self._repeated(logged, events)
        for position, (event, logged_at) in enumerate(zip(events, logged, strict=True)):
            self._logged = max(self._logged, logged_at)
            said = self._take(first + position, logged_at, event, position in repeated)
            if said:
                yield position, said

    def _take(
        self, offset: int, logged_at: int, event: Metric | Tick | None, repeated: bool
    ) -> Sequence[WindowScore] | RefusedError:
        if isinstance(event, Metric):
            if event.replay is not None:
                return ()
            moment = event.observed_at
        elif event is None:
            return ()
        else:
            moment = event.ticked_at
        if moment > logged_at + self._skew:
            return SkewError(
                f"{moment} is {(moment - logged_at) / 1000:.1f} s ahead of the broker's clock; "
                f"windows.skew_s allows {self._skew / 1000:g}"
            )
        if self.looks_back(offset):
            return ()  # identities only
        if isinstance(event, Tick):
            return self._close_for(moment)
        try:
            self._add(offset, event, repeated)
        except LimitError as error:
            return error
        if self._closed is None:
            return ()  # the first tick says where the first part begins
        return self._close_for(moment - self._skew)  # so far ahead its clock may be

    @property
    def open_windows(self) -> int:
        """How many there are, each of one task."""
        return len(self._open)

    def looks_back(self, offset: int) -> bool:
        """Whether a record lies before the anchor that the fold resumed from."""
        return offset < self._resumed

    def _advance(self, first: int, count: int) -> None:
        if self._next is not None and first != self._next:
            raise AssertionError(
                f"metrics-{self._partition}: offset {first} after {self._next - 1}: a gap"
            )
        self._next = first + count

    def _repeated(
        self, logged: Sequence[int], events: Sequence[Metric | Tick | None]
    ) -> Collection[int]:
        """The positions of the metrics that were there before; notes all that count."""
        skew = self._skew
        counted = [
            (position, _fingerprint(event), logged_at)
            for position, (event, logged_at) in enumerate(zip(events, logged, strict=True))
            if isinstance(event, Metric)
            and event.replay is None
            and event.observed_at <= logged_at + skew
        ]
        known = self._seen.put_all([row[1] for row in counted], [row[2] for row in counted])
        return frozenset(counted[number][0] for number in known)

    def _add(self, offset: int, metric: Metric, repeated: bool) -> None:
        start = metric.observed_at // self._size * self._size
        closed = self._closed or 0
        late = start < closed
        start = max(start, closed)
        window = self._open.get((start, metric.task))
        tally = window.models.get(metric.model) if window is not None else None
        bucket = bucket_of(metric)
        grows = growth(metric, tally, bucket)
        if window is None:
            self._check_task(start, metric.task)
            anchor = Anchor(offset=offset, logged_at=self._logged, closed_at=self._closed)
            window = self._open[(start, metric.task)] = _Window(anchor)
        elif grows and window.bytes + grows > MOST_BYTES:
            raise LimitError(f"a window of {metric.task} has no room for {metric.model}")
        window.next_offset = offset + 1
        if repeated:
            window.duplicates += 1
            return
        window.bytes += grows
        window.late += late
        if tally is None:
            tally = window.models[metric.model] = Tally()
        tally.add(metric, bucket)

    def _check_task(self, start: int, task: str) -> None:
        """Refuses one task too many of those that no settings name."""
        if task not in self._tasks:
            others = sum(at == start and name not in self._tasks for at, name in self._open)
            if others >= MOST_TASKS:
                raise LimitError(f"a window holds {MOST_TASKS} tasks that no settings name")

    def _close_for(self, moment: int) -> list[WindowScore]:
        """The parts of what a clock that says so closes."""
        now = (moment - self._lateness) // self._size * self._size
        return list(self._close(now)) if now > (self._closed or 0) else []

    def _close(self, now: int) -> Iterator[WindowScore]:
        """The parts that tile [what was closed, ``now``) for each task."""
        before, self._closed = self._closed, now
        ready = sorted(key for key in self._open if key[0] < now)
        parts = [self._part(*key, self._open.pop(key)) for key in ready]
        empty = list(self._empty_parts(parts, before, now))
        if self._published is None or now > self._published:
            self._published = now
            yield from sorted(parts + empty, key=lambda part: (part.window_end_at, part.task))

    def _part(self, start: int, task: str, window: _Window) -> WindowScore:
        return WindowScore(
            task=task,
            partition=self._partition,
            partitions=self._partitions,
            window_start_at=start,
            window_end_at=start + self._size,
            models={name: window.models[name].summary() for name in sorted(window.models)},
            first_offset=window.first.offset,
            next_offset=window.next_offset,
            late=window.late,
            duplicates=window.duplicates,
        )

    def _empty_parts(
        self, parts: list[WindowScore], before: int | None, now: int
    ) -> Iterator[WindowScore]:
        """What tiles the rest of [what was closed, ``now``), for the tasks that must know."""
        for task in self._tasks:
            own = [(p.window_start_at, p.window_end_at) for p in parts if p.task == task]
            oldest = min([now - self._size, *(start for start, _ in own)])
            reached = oldest if before is None else before
            for start, end in [*own, (now, now)]:
                if reached < start:
                    yield WindowScore(
                        task=task,
                        partition=self._partition,
                        partitions=self._partitions,
                        window_start_at=reached,
                        window_end_at=start,
                    )
                reached = end

    def anchor(self) -> Anchor | None:
        """Where a successor must resume; None before the first record of the first fold."""
        if self._next is None or (self._resume is not None and self._next < self._resume.offset):
            return self._resume
        oldest = min(
            (window.first for window in self._open.values()),
            key=lambda first: first.offset,
            default=Anchor(offset=self._next, logged_at=self._logged, closed_at=self._closed),
        )
        return msgspec.structs.replace(oldest, published_at=self._published)
