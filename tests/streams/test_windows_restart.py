"""Kill the fold anywhere, resume from any anchor that it could have committed: the same bytes."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.tick import Tick
from schemas.wire import encode
from streams.settings import Windows
from streams.windows import Anchor
from tests.streams.folding import SMALL, Logged, Published, metric, partitions, published, run

SIZES = [
    SMALL,
    Windows(size_s=0.01, panes=1, lateness_s=0.0, skew_s=0.05, horizon_s=0.001),
    Windows(size_s=0.1, panes=4, lateness_s=0.02, skew_s=0.4, horizon_s=0.5),
]


def assert_resumes_exactly(records: list[Logged], windows: Windows) -> None:
    """Each anchor is committed in turn, whenever the kill comes after it."""
    whole = run(records, windows=windows)
    expected = published(whole.parts)
    for taken, anchor in enumerate(whole.anchors):
        again = run(records, anchor, windows=windows)
        found = published(again.parts)
        assert found.items() <= expected.items()
        later = published(part for part in whole.parts if part.closed_by > taken)
        assert later.keys() <= found.keys()
        assert {i for i in whole.refused if i > taken} <= set(again.refused)
        assert set(again.refused) <= set(whole.refused)
        assert not again.anchors or again.anchors[-1] == whole.anchors[-1]


@pytest.mark.parametrize("windows", SIZES, ids=["small", "no horizon", "late"])
@settings(max_examples=100, deadline=None)
@given(records=partitions())
def test_resuming_from_any_anchor_gives_the_same_bytes(
    windows: Windows, records: list[Logged]
) -> None:
    assert_resumes_exactly(records, windows)


@settings(max_examples=150, deadline=None)
@given(records=partitions(), data=st.data(), first_offset=st.sampled_from([0, 7]))
def test_any_number_of_kills_gives_the_same_bytes(
    records: list[Logged], data: st.DataObject, first_offset: int
) -> None:
    expected = published(run(records, first_offset=first_offset).parts)
    resume: Anchor | None = None
    out: list[Published] = []
    for _ in range(data.draw(st.integers(1, 4), label="kills")):
        kill = data.draw(st.integers(1, len(records)), label="kill")
        part = run(records, resume, kill, first_offset=first_offset)
        out += part.parts
        lag = data.draw(st.integers(1, 6), label="lag")
        resume = part.anchors[-lag] if len(part.anchors) >= lag else resume
    out += run(records, resume, first_offset=first_offset).parts
    assert published(out) == expected


def test_a_window_that_was_open_at_the_anchor_but_is_published_is_not_published_in_part() -> None:
    records = [
        Logged(0, metric("p", 5)),  # [0, 10): open first
        Logged(1, metric("q", 25)),  # [20, 30): the oldest still open after the tick
        Logged(2, metric("r", 6)),  # [0, 10) again: behind the anchor to come
        Logged(20, Tick(ticked_at=16)),
        Logged(40, Tick(ticked_at=36)),
    ]
    first = run(records, until=4)
    assert first.anchors[-1] == Anchor(offset=1, logged_at=1, closed_at=None, published_at=10)
    again = run(records, first.anchors[-1])
    assert {part.window_start_at for _, part in again.parts} == {10, 20}
    assert published([*first.parts, *again.parts]) == published(run(records).parts)


def test_while_it_looks_back_it_hands_on_the_anchor_that_it_came_from() -> None:
    """Anything else would move the commit backwards, and lose the anchor at a second kill."""
    records = [Logged(at, metric(f"q{at}", at)) for at in range(20)]
    anchor = Anchor(offset=15, logged_at=15, closed_at=10, published_at=10)
    assert run(records, anchor, until=12).anchors == [anchor] * 12


def test_a_duplicate_of_a_record_before_the_anchor_is_known_by_the_look_back() -> None:
    records = [
        Logged(0, metric("p", 0)),
        Logged(25, Tick(ticked_at=25)),
        Logged(30, metric("p", 30)),
        Logged(68, metric("p", 68)),
        Logged(90, Tick(ticked_at=90)),
    ]
    whole = run(records)
    duplicates = [part.duplicates for _, part in whole.parts if part.models or part.duplicates]
    assert duplicates == [
        0,
        1,
        0,
    ]  # 30 ms after the first; 38 after the second
    again = run(records, whole.anchors[1])
    assert [encode(part) for _, part in again.parts] == [
        encode(part) for _, part in whole.parts if part.window_start_at >= 20
    ]


@settings(max_examples=100, deadline=None)
@given(records=partitions(largest=20))
@example([])
def test_a_fold_is_a_function_of_the_log(records: list[Logged]) -> None:
    assert run(records) == run(records)
