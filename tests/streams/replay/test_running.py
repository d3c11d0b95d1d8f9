"""What is sent, where to, in which order and when."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.replay.filtering import matcher
from streams.replay.origin import HEADER, Origin, origin_of, stamped
from streams.replay.pacing import AtRate, AtSpeed
from streams.replay.ranges import Range
from streams.replay.running import Clock, Replay
from streams.replay.tail import Progress
from tests.streams.replay.parts import Kept, ListLog, Rec, target


class Hands:
    """A clock that moves when someone sleeps."""

    def __init__(self) -> None:
        self.at_s = 100.0

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds

    def clock(self) -> Clock:
        return Clock(lambda: round(self.at_s * 1000), lambda: self.at_s, self.sleep)


def replay(log: ListLog, kept: Kept, **fields: Any) -> Replay:
    given: dict[str, Any] = {
        "ranges": [Range(n, log.beginning("s", n), log.end("s", n)) for n in log.partitions("s")],
        "target": target(2),
        "run": "r",
        "started": 5,
        "sent": Progress(),
        "clock": Hands().clock(),
    }
    return Replay(log=log, topic="s", sender=kept, **{**given, **fields})


logs = st.lists(st.lists(st.integers(0, 20), max_size=9), min_size=1, max_size=4).map(
    lambda parts: ListLog(
        {
            number: [Rec(i * 2, at, b"%d" % (at % 3)) for i, at in enumerate(times)]
            for number, times in enumerate(parts)
        }
    )
)


@given(logs, st.integers(1, 3), st.booleans(), st.integers(0, 40))
async def test_stopped_anywhere_and_resumed_it_sends_each_once_in_order(
    log: ListLog, partitions: int, by_key: bool, stop: int
) -> None:
    first, rest = Kept(), Kept()
    fields = {"by_key": by_key, "target": target(partitions)}
    await replay(log, first, **fields).play()
    sent = Progress()
    # Each target partition got some of what it was to get, the first of it.
    done: list[Any] = []
    for partition in range(partitions):
        own = [row for row in first.rows if row[0] == partition]
        done += own[: stop % (len(own) + 1)]
    for partition, _, _, headers in done:
        origin = origin_of(headers)
        assert origin is not None
        sent.note(origin, partition)
    parts = await replay(log, rest, sent=sent, **fields).play()
    assert sum(part.records for part in parts) == len(rest.rows)

    def places(rows: Any) -> list[tuple[int, int, int]]:
        origins = [(row[0], origin_of(row[3])) for row in rows]
        return [(to, told.partition, told.offset) for to, told in origins if told is not None]

    assert sorted(places(done + rest.rows)) == sorted(places(first.rows))
    for rows in (first.rows, done + rest.rows):
        for number in log.partitions("s"):
            for to in range(partitions):
                offsets = [o for t, p, o in places(rows) if (t, p) == (to, number)]
                assert offsets == sorted(set(offsets))
    assert len(first.rows) == sum(map(len, log.rows.values()))
    assert by_key or all(to == number % partitions for to, number, _ in places(first.rows))


@given(logs)
async def test_the_oldest_next_record_comes_first(log: ListLog) -> None:
    kept = Kept()
    await replay(log, kept, keep_timestamps=True).play()
    waiting = {number: list(rows) for number, rows in log.rows.items()}
    for _, record, timestamp, headers in kept.rows:
        origin = origin_of(headers)
        assert origin is not None
        assert timestamp == min(rows[0].timestamp for rows in waiting.values() if rows)
        assert record is waiting[origin.partition].pop(0)


async def test_stamps_are_never_before_the_start() -> None:
    kept, late = Kept(), Kept()
    await replay(ListLog({0: [Rec(0, 7)]}), kept).play()
    await replay(ListLog({0: [Rec(0, 7)]}), late, started=200_000).play()
    assert [kept.rows[0][2], late.rows[0][2]] == [100_000, 200_000]


async def test_speed_keeps_the_gaps_and_sends_before_it_waits() -> None:
    hands, kept = Hands(), Kept()
    log = ListLog({0: [Rec(0, 1000), Rec(1, 3000), Rec(2, 2000), Rec(3, 3001), Rec(4, 5000)]})
    await replay(log, kept, pace=AtSpeed(2), clock=hands.clock()).play()
    assert [row[2] - 100_000 for row in kept.rows] == [0, 1000, 1000, 1000, 2000]
    assert kept.submitted == [1, 4]
    assert kept.flushed == 5


async def test_rate_counts_what_is_sent_over_all_partitions() -> None:
    hands, kept = Hands(), Kept()
    rows = [Rec(n, n, value=b'{"n": %d}' % n) for n in range(6)]
    pace = AtRate(10)
    fields = {"pace": pace, "clock": hands.clock(), "matches": matcher(["n!=2"])}
    parts = await replay(ListLog({0: rows[:3], 1: rows[3:]}), kept, **fields).play()
    assert [row[2] - 100_000 for row in kept.rows] == [0, 100, 200, 300, 400]
    assert [(part.read, part.matched, part.records) for part in parts] == [(3, 2, 2), (3, 3, 3)]


async def test_onto_itself_it_leaves_out_what_it_sent() -> None:
    mine = Origin(run="r", topic="s", partition=0, offset=0, timestamp=0, started=0)
    theirs = Origin(run="q", topic="s", partition=0, offset=0, timestamp=0, started=0)
    rows = [Rec(0), Rec(1, headers=stamped([], mine)), Rec(2, headers=stamped([], theirs))]
    here, elsewhere = Kept(), Kept()
    await replay(ListLog({0: rows}), here, onto_itself=True).play()
    await replay(ListLog({0: rows}), elsewhere).play()
    assert [row[1].offset for row in here.rows] == [0, 2]
    assert [row[1].offset for row in elsewhere.rows] == [0, 1, 2]
    assert all([name for name, _ in row[3]] == [HEADER] for row in elsewhere.rows)


async def test_it_tells_how_far_it_is() -> None:
    told: list[int] = []
    log = ListLog({0: [Rec(n) for n in range(1200)]})
    sent = Progress()
    sent.last[0, 0] = 99
    (part,) = await replay(log, Kept(), sent=sent, progress=told.append).play()
    assert sum(told) == 1200
    assert len(told) > 2
    assert (part.resumed_at, part.read) == (100, 1100)
