"""Ranges of a log, with and without an index of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.replay.bounds import Ago, AtInstant, AtOffset, Bound
from streams.replay.problem import ReplayError, ReplayUsageError
from streams.replay.ranges import Range, Selection, ranges
from tests.streams.replay.parts import ListLog, Rec

NOW = 1_000_000


class Timed(ListLog):
    async def first_at(self, topic: str, partition: int, at: int) -> int:
        assert topic == "t"
        for row in self.rows[partition]:
            if row.timestamp >= at:
                return row.offset
        return self.end(topic, partition)


def rows(*times: int, first: int = 0) -> list[Rec]:
    return [Rec(offset, time) for offset, time in enumerate(times, first)]


@pytest.mark.parametrize("kind", [ListLog, Timed])
@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (None, None, (5, 9)),
        (AtOffset(6), AtOffset(8), (6, 8)),
        (AtOffset(0), AtOffset(99), (5, 9)),
        (AtInstant(NOW), None, (9, 9)),
        (AtInstant(20), AtInstant(40), (6, 8)),
        (AtInstant(21), None, (7, 9)),
        (Ago(NOW - 40), None, (8, 9)),
        (None, AtInstant(NOW), (5, 9)),
    ],
)
async def test_bounds(
    kind: type[ListLog], since: Bound | None, until: Bound | None, found: tuple[int, int]
) -> None:
    log = kind({0: rows(10, 20, 30, 40, first=5), 1: rows(NOW - 40, NOW)})
    first, _ = await ranges(log, Selection("t", (), since, until), NOW)
    assert first == Range(0, *found)


@given(st.lists(st.integers(0, 30)), st.integers(0, 30), st.integers(0, 30))
async def test_ranges_that_meet_hold_each_record_once(times: list[int], a: int, b: int) -> None:
    log = ListLog({0: rows(*times), 1: rows(1)})
    (all_of_it, _) = await ranges(log, Selection("t"), NOW)
    parts: list[int] = []
    low, high = sorted((a, b))
    for since, until in ((None, low), (low, high), (high, None)):
        selection = Selection(
            "t",
            (),
            None if since is None else AtInstant(since),
            None if until is None else AtInstant(until),
        )
        try:
            (part, _) = await ranges(log, selection, NOW)
        except ReplayError:
            continue
        parts += range(part.start, part.end)
    assert parts == list(range(all_of_it.start, all_of_it.end))


async def test_partitions_are_chosen_once_each() -> None:
    log = ListLog({0: rows(1), 1: rows(1), 2: rows(1)})
    found = await ranges(log, Selection("t", (2, 1, 2)), NOW)
    assert [one.partition for one in found] == [1, 2]


async def test_what_is_not_there_is_told() -> None:
    log = ListLog({0: rows(1, first=7), 1: []})
    with pytest.raises(ReplayUsageError, match=r"--partition 3: t has no such .* it has 0, 1"):
        await ranges(log, Selection("t", (3,)), NOW)
    with pytest.raises(ReplayError, match="nothing to replay"):
        await ranges(log, Selection("t", (), AtOffset(8), AtOffset(6)), NOW)
    with pytest.raises(ReplayError, match=r"--from and --until \(partition 0 holds offsets 7 to"):
        await ranges(log, Selection("t", (), AtInstant(2)), NOW)
