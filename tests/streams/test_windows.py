"""The fold of one partition: what enters which window, and when that closes."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.metric import Metric
from schemas.tick import Tick
from schemas.window_score import WindowScore
from streams.folding import fold_records
from streams.refusing import SkewError
from streams.settings import Kafka, Windows
from streams.windows import WindowFold
from tests.streams.folding import TASKS, Logged, Published, fold_of, metric, partitions, run


def feed(fold: WindowFold, *events: tuple[int, Metric | Tick]) -> list[WindowScore]:
    """All parts that these (logged_at, event) close, from offset 0."""
    parts = []
    for offset, (logged_at, event) in enumerate(events):
        parts += fold.fold(offset, logged_at, event)
    return parts


def tick(at: int) -> tuple[int, Tick]:
    """A tick of the broker's own time."""
    return at, Tick(ticked_at=at)


def spans(parts: list[WindowScore], task: str) -> list[tuple[int, int]]:
    """What a task's parts cover, in order."""
    return [(p.window_start_at, p.window_end_at) for p in parts if p.task == task]


def counted(part: WindowScore) -> int:
    """How many metrics a part accounts for."""
    return part.duplicates + sum(m.outcomes + m.judgements for m in part.models.values())


def test_a_window_closes_by_a_tick_lateness_after_its_end_and_not_before() -> None:
    fold = fold_of()
    assert feed(fold, (3, metric("p", 3)), tick(14)) == []
    parts = fold.fold(2, 15, Tick(ticked_at=15))
    assert spans(parts, "code") == [(0, 10)]
    assert parts[0].models["a"].outcomes == 1
    assert (parts[0].first_offset, parts[0].next_offset) == (0, 1)
    assert (parts[0].partition, parts[0].partitions) == (1, 2)


def test_before_the_first_tick_records_close_nothing() -> None:
    assert feed(fold_of(), (3, metric("p", 3)), (900, metric("q", 900))) == []


def test_where_nobody_ticks_a_window_is_closed_by_a_record_of_skew_and_lateness_after_it() -> None:
    fold = fold_of()
    before = feed(fold, tick(15), (21, metric("p", 21)), (84, metric("q", 84)))
    parts = fold.fold(3, 85, metric("r", 85))  # 30, and 50 of skew, and 5 of lateness
    assert spans(before, "code") == [(0, 10), (10, 20)]
    assert spans(parts, "code") == [(20, 30)]
    assert [counted(part) for part in parts if part.task == "code"] == [1]
    assert fold.fold(4, 94, metric("s", 94)) == []


def test_a_long_log_without_ticks_keeps_few_windows_open() -> None:
    fold = fold_of()
    feed(fold, tick(15))
    most = 0
    for offset in range(1, 2000):
        fold.fold(offset, 10 * offset, metric(f"q-{offset}", 10 * offset))
        most = max(most, fold.open_windows)
    assert most == 7  # 10 ms each: 50 of skew, 5 of lateness, the one that is being filled


def test_idle_tasks_get_an_empty_part_and_strangers_none() -> None:
    parts = feed(fold_of(), (3, metric("p", 3, task="stranger")), tick(15))
    assert [(part.task, bool(part.models)) for part in parts] == [
        ("code", False),
        ("reasoning", False),
        ("stranger", True),
    ]


def test_gaps_between_windows_with_data_are_tiled_by_one_empty_part_each() -> None:
    parts = feed(fold_of(), tick(15), (31, metric("p", 31)), (62, metric("q", 62)), tick(95))
    assert spans(parts, "code") == [(0, 10), (10, 30), (30, 40), (40, 60), (60, 70), (70, 90)]
    assert [bool(part.models) for part in parts if part.task == "code"] == [
        False,
        False,
        1,
        0,
        1,
        0,
    ]


def test_the_first_close_reaches_back_to_the_oldest_record() -> None:
    parts = feed(fold_of(), (40, metric("p", 3)), tick(45))
    assert spans(parts, "code") == [(0, 10), (10, 40)]
    assert spans(parts, "reasoning") == [(30, 40)]


def test_a_late_record_enters_the_oldest_open_window_and_is_counted() -> None:
    fold = fold_of()
    parts = feed(fold, tick(25), (26, metric("p", 3)), (26, metric("q", 26)), tick(45))
    with_data = [part for part in parts if part.models]
    assert [(part.window_start_at, counted(part), part.late) for part in with_data] == [(20, 2, 1)]


def test_a_record_not_later_than_lateness_is_not_late() -> None:
    parts = feed(fold_of(), tick(14), (14, metric("p", 9)), tick(15))
    assert [(part.window_start_at, part.late) for part in parts if part.models] == [(0, 0)]


@pytest.mark.parametrize(
    ("second", "duplicates"),
    [
        (metric("p", 7), 1),
        (metric("p", 7, task="reasoning"), 1),
        (metric("p", 7, accuracy=1.0), 0),
        (metric("p", 7, model="b"), 0),
        (metric("q", 7), 0),
    ],
)
def test_identity_is_query_attempt_model_kind_and_grader(second: Metric, duplicates: int) -> None:
    parts = feed(fold_of(), (3, metric("p", 3)), (7, second), tick(15))
    assert sum(part.duplicates for part in parts) == duplicates
    assert sum(counted(part) for part in parts) == 2


def test_identities_are_forgotten_after_the_horizon() -> None:
    fold = fold_of()
    for offset in range(500):
        fold.fold(offset, offset, metric(f"q{offset}", offset))
    assert 31 <= len(fold._seen) <= 31 + 30 / 4  # the horizon is 30 ms, both ends included


def test_identities_do_not_run_into_each_other() -> None:
    first, second = metric("p\0", 3, model="a"), metric("p", 3, model="\0a")
    parts = feed(fold_of(), (3, first), (3, second), tick(15))
    assert sum(part.duplicates for part in parts) == 0


@pytest.mark.parametrize("event", [Tick(ticked_at=151), metric("p", 151)])
def test_a_record_from_the_future_is_refused_and_changes_nothing(event: Metric | Tick) -> None:
    fold = fold_of()
    feed(fold, (100, metric("p", 100)))
    with pytest.raises(SkewError, match=r"0\.1 s ahead of the broker's clock"):
        fold.fold(1, 100, event)
    parts = fold.fold(2, 116, Tick(ticked_at=116))
    assert [counted(part) for part in parts if part.task == "code"] == [1]


def test_a_record_at_the_bound_of_skew_is_taken() -> None:
    assert fold_of().fold(0, 100, Tick(ticked_at=150)) != []


def test_clocks_that_go_backwards_close_nothing_twice() -> None:
    parts = feed(fold_of(), tick(35), (36, Tick(ticked_at=5)), (37, Tick(ticked_at=34)), tick(45))
    assert spans(parts, "code") == [(20, 30), (30, 40)]


def test_a_clock_that_stands_at_the_epoch_makes_no_negative_window() -> None:
    assert feed(fold_of(), (100, Tick(ticked_at=0)), (100, Tick(ticked_at=4))) == []


def test_a_gap_in_the_offsets_stops_the_fold() -> None:
    fold = fold_of()
    fold.fold(7, 0, None)
    fold.fold(8, 0, None)
    with pytest.raises(AssertionError, match="metrics-1: offset 10 after 8: a gap"):
        fold.fold(10, 0, metric("p", 0))


def test_no_records_say_nothing() -> None:
    fold = fold_of()
    assert list(fold_records(fold, Kafka(), [])) == []
    assert fold.anchor() is None


def test_windows_of_50_ms_without_lateness() -> None:
    windows = Windows(size_s=0.05, panes=1, lateness_s=0.0, skew_s=1.0, horizon_s=1.0)
    parts = feed(
        fold_of(windows), (49, metric("p", 49)), tick(50), (50, metric("q", 50)), tick(101)
    )
    assert spans(parts, "code") == [(0, 50), (50, 100)]
    assert all(part.models for part in parts if part.task == "code")


def test_before_its_first_record_a_fold_has_no_anchor() -> None:
    assert fold_of().anchor() is None


@settings(max_examples=120, deadline=None)
@given(records=partitions())
def test_every_metric_is_folded_exactly_once(records: list[Logged]) -> None:
    done = run(records)
    fed = sum(
        isinstance(record.event, Metric) and index not in done.refused
        for index, record in enumerate(records)
    )
    closing = Logged(records[-1].logged_at + 2000, Tick(ticked_at=records[-1].logged_at + 2000))
    parts = [part for _, part in run([*records, closing]).parts]
    assert sum(counted(part) for part in parts) == fed


@settings(max_examples=200, deadline=None)
@given(records=partitions(), cuts=st.lists(st.integers(1, 44), max_size=4))
def test_many_records_at_once_say_what_they_say_one_after_the_other(
    records: list[Logged], cuts: list[int]
) -> None:
    fold, parts, refused = fold_of(), [], []
    for first, end in pairwise(sorted({0, len(records), *(n for n in cuts if n < len(records))})):
        logged, events = zip(*records[first:end], strict=True)
        for position, said in fold.fold_all(first, logged, events):
            if isinstance(said, SkewError):
                refused.append(first + position)
            else:
                assert not isinstance(said, Exception)
                parts += [Published(first + position, part) for part in said]
    expected = run(records)
    assert parts == expected.parts
    assert refused == expected.refused
    assert fold.anchor() == expected.anchors[-1]


@settings(max_examples=120, deadline=None)
@given(records=partitions())
def test_parts_tile_the_timeline(records: list[Logged]) -> None:
    parts = [part for _, part in run(records).parts]
    for task in TASKS:
        covered = spans(parts, task)
        assert all(left[1] == right[0] for left, right in pairwise(covered))
        assert all(start < end for start, end in covered)
    of_strangers = Counter(spans(parts, "stranger"))
    assert set(of_strangers.values()) <= {1}


@settings(max_examples=120, deadline=None)
@given(records=partitions())
def test_parts_come_in_order_and_agree_on_what_is_closed(records: list[Logged]) -> None:
    done = run(records)
    for index in {index for index, _ in done.parts}:
        ends = {
            task: max(p.window_end_at for i, p in done.parts if i == index and p.task == task)
            for task in TASKS
        }
        assert len(set(ends.values())) == 1
    order = [(part.window_end_at, part.task) for _, part in done.parts]
    assert order == sorted(order)
