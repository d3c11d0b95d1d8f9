"""A ``metrics`` partition in memory, and what a fold of it publishes, with kills."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from hypothesis import strategies as st

from schemas.metric import Metric
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import encode
from streams.identities import reach_ms
from streams.refusing import SkewError
from streams.settings import Windows
from streams.windows import Anchor, WindowFold

SMALL = Windows(size_s=0.01, panes=1, lateness_s=0.005, skew_s=0.05, horizon_s=0.03)
TASKS = ("code", "reasoning")

Span: TypeAlias = tuple[str, int, int]


class Logged(NamedTuple):
    """A record of the partition: when the broker took it, and what it says (None: nothing)."""

    logged_at: int
    event: Metric | Tick | None


def metric(
    query_id: str,
    observed_at: int,
    *,
    model: str = "a",
    task: str = "code",
    accuracy: float | None = None,
) -> Metric:
    """An outcome, or with ``accuracy`` a judgement."""
    outcome = accuracy is None
    return Metric(
        query_id=query_id,
        attempt=1,
        model=model,
        task=task,
        kind="outcome" if outcome else "judgement",
        ok=True if outcome else None,
        response_time_s=0.25 if outcome else None,
        accuracy=accuracy,
        grader="" if outcome else "exact",
        decided_at=0,
        observed_at=observed_at,
    )


@st.composite
def partitions(draw: st.DrawFn, largest: int = 45) -> list[Logged]:
    """Records as they come: jittering clocks, duplicates, late ones, gaps, rubbish."""
    records, now = [], draw(st.integers(0, 60))
    for _ in range(draw(st.integers(1, largest))):
        now += draw(st.sampled_from([0, 0, 1, 2, 5, 9, 10, 31, 45]))
        moment = max(0, now + draw(st.sampled_from([0, 0, 0, -1, 1, -12, 13, -40, 50, 51, 400])))
        records.append(Logged(now, draw(_events(moment))))
    return records


def _events(moment: int) -> st.SearchStrategy[Metric | Tick | None]:
    metrics = st.builds(
        metric,
        st.sampled_from("pqrst"),
        st.just(moment),
        model=st.sampled_from("ab"),
        task=st.sampled_from((*TASKS, "stranger")),
        accuracy=st.sampled_from([None, 0.0, 0.3, 1.0]),
    )
    return st.one_of(metrics, metrics, st.just(Tick(ticked_at=moment)), st.none())


class Published(NamedTuple):
    """A part, with the index of the record that closed it."""

    closed_by: int
    part: WindowScore


class Run(NamedTuple):
    """What one process did: its parts, and the anchor that it could commit after each record."""

    parts: list[Published]
    anchors: list[Anchor | None]
    refused: list[int]


def fold_of(windows: Windows = SMALL, resume: Anchor | None = None) -> WindowFold:
    """A fold of partition 1 of 2."""
    return WindowFold(partition=1, partitions=2, tasks=TASKS, windows=windows, resume=resume)


def run(
    records: Sequence[Logged],
    resume: Anchor | None = None,
    until: int | None = None,
    windows: Windows = SMALL,
    first_offset: int = 0,
) -> Run:
    """Folds up to record ``until``, from one horizon before ``resume``, as a new process does."""
    fold = fold_of(windows, resume)
    done = Run([], [], [])
    stop = len(records) if until is None else until
    for index in range(_look_back(records, resume, windows, first_offset), stop):
        logged_at, event = records[index]
        try:
            _take(fold, done, index, first_offset + index, logged_at, event)
        except SkewError:
            if not fold.looks_back(first_offset + index):
                done.refused.append(index)
        done.anchors.append(fold.anchor())
    return done


def _take(
    fold: WindowFold,
    done: Run,
    index: int,
    offset: int,
    logged_at: int,
    event: Metric | Tick | None,
) -> None:
    done.parts.extend(Published(index, part) for part in fold.fold(offset, logged_at, event))


def _look_back(
    records: Sequence[Logged], resume: Anchor | None, windows: Windows, first_offset: int
) -> int:
    """Where a successor reads from: what ``offsetsForTimes`` finds, else the anchor itself."""
    if resume is None:
        return 0
    since = resume.logged_at - reach_ms(windows.horizon_ms)
    young = (index for index, record in enumerate(records) if record.logged_at >= since)
    return min(resume.offset - first_offset, next(young, len(records)))


def published(parts: Iterable[Published]) -> dict[Span, bytes]:
    """The parts' bytes by what they cover; no two may differ."""
    found: dict[Span, bytes] = {}
    for _, part in parts:
        span = (part.task, part.window_start_at, part.window_end_at)
        value = encode(part)
        assert found.setdefault(span, value) == value, span
    return found
