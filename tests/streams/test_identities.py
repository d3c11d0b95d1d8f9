"""What was seen of late: the same whether all is remembered or slices are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.identities import SLICES, Identities, reach_ms

HORIZON = 80
Log = list[tuple[int, bytes]]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Identities, few of them, with times that never go back."""
    steps = draw(st.lists(st.sampled_from([0, 1, 9, 10, 20, 40, 80, 81]), max_size=60))
    names = st.sampled_from([b"a", b"b", b"c", b"d"])
    return [(at, draw(names)) for at in accumulate(steps, initial=1_700_000_000_000)]


def told(log: Sequence[tuple[int, bytes]]) -> list[bool]:
    seen = Identities(HORIZON)
    return [put(seen, name, at) for at, name in log]


def put(seen: Identities, name: bytes, at: int) -> bool:
    """Whether one by itself was known."""
    return bool(seen.put_all([name], [at]))


@given(logs())
def test_known_is_what_was_there_within_the_horizon_and_little_more(log: Log) -> None:
    width = HORIZON // SLICES
    for number, (known, (at, name)) in enumerate(zip(told(log), log, strict=True)):
        before = [then for then, other in log[:number] if other == name]
        assert known == any(then // width >= (at - HORIZON) // width for then in before)
        assert known or not any(then >= at - HORIZON for then in before)
        assert not known or any(then > at - reach_ms(HORIZON) for then in before)


@given(logs(), st.integers(0, 60))
def test_a_start_within_reach_says_the_same(log: Log, cut: int) -> None:
    cut = min(cut, len(log) - 1)
    since = log[cut][0] - reach_ms(HORIZON)
    start = next(number for number, (at, _) in enumerate(log) if at >= since)
    assert told(log[start:])[cut - start :] == told(log)[cut:]


@given(logs(), st.lists(st.integers(0, 60), max_size=5))
def test_many_at_once_are_told_as_one_after_the_other(log: Log, cuts: list[int]) -> None:
    seen, found = Identities(HORIZON), []
    for first, end in pairwise(sorted({0, len(log), *(cut for cut in cuts if cut < len(log))})):
        part = log[first:end]
        known = seen.put_all([name for _, name in part], [at for at, _ in part])
        found += [number in known for number in range(len(part))]
    assert found == told(log)


def test_none_at_all_are_none() -> None:
    assert not Identities(HORIZON).put_all([], [])


@given(st.lists(st.integers(-200, 200), max_size=60))
def test_times_that_go_back_lose_nothing_within_the_horizon_of_the_newest(steps: list[int]) -> None:
    seen, newest = Identities(HORIZON), 1_700_000_000_000
    for number, step in enumerate(steps):
        at = newest + step
        newest = max(newest, at)
        name = number.to_bytes(4, "big")
        assert not put(seen, name, at)
        if at >= newest - HORIZON:
            assert put(seen, name, newest)


def test_it_holds_a_horizon_and_a_slice_however_long_the_log() -> None:
    seen = Identities(HORIZON)
    for number in range(10_000):
        put(seen, number.to_bytes(4, "big"), number)
        assert len(seen) <= reach_ms(HORIZON) + 1
    assert len(seen) >= HORIZON


def test_one_that_comes_again_is_known_for_a_horizon_from_its_last_copy() -> None:
    seen, start = Identities(HORIZON), 1_700_000_000_000
    assert not put(seen, b"a", start)
    assert put(seen, b"a", start + 60)
    assert put(seen, b"a", start + 140)
    assert not put(seen, b"a", start + 140 + reach_ms(HORIZON))
