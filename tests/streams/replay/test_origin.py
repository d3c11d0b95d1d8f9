"""The header of a replayed record, and the names of runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.replay.origin import HEADER, Origin, origin_of, replayed_by, stamped
from streams.replay.problem import ReplayUsageError
from streams.replay.run_id import checked_run_id, new_run_id, started_at
from streams.settings import Kafka

ORIGIN = Origin(run="r", topic="queries", partition=1, offset=2, timestamp=3, started=4)
names = st.sampled_from(["a", "b", HEADER, ""])


@given(st.lists(st.tuples(names, st.none() | st.binary())))
def test_it_is_last_and_alone_and_the_others_stay(
    headers: list[tuple[str, bytes | None]],
) -> None:
    marked = stamped(headers, ORIGIN)
    assert marked[:-1] == [header for header in headers if header[0] != HEADER]
    assert marked[-1] == (
        HEADER,
        b'{"run":"r","topic":"queries","partition":1,"offset":2,"timestamp":3,"started":4}',
    )
    assert origin_of(marked) == ORIGIN
    assert stamped(marked, ORIGIN) == marked


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b'{"run": 1}'])
def test_a_broken_one_is_none(content: bytes | None) -> None:
    assert origin_of([(HEADER, content)]) is None


@given(st.integers(0, 4_000_000_000_000), st.integers(0))
def test_a_name_tells_the_second_it_was_made_in(now: int, random: int) -> None:
    run = new_run_id(now, random)
    assert started_at(run) == now // 1000 * 1000
    assert checked_run_id(run) == run


@pytest.mark.parametrize("run", ["nightly", "20261123T151200Z", "99999999T999999Z-00000000"])
def test_other_names_tell_nothing(run: str) -> None:
    assert started_at(run) is None


@pytest.mark.parametrize("run", ["", "a b", "ä", "x" * 101, 'a"', "a\n"])
def test_what_is_no_name_is_told(run: str) -> None:
    with pytest.raises(ReplayUsageError, match="--run-id"):
        checked_run_id(run)


def test_only_outside_a_sandbox_a_record_counts_as_replayed() -> None:
    headers = stamped([("a", b"1")], ORIGIN)
    assert replayed_by(Kafka(), headers) == ORIGIN.run
    assert replayed_by(Kafka(sandbox=True), headers) is None
    for others in ([], [("a", b"1")], [("zeta-replay", b"no json")], [("zeta-replay", None)]):
        assert replayed_by(Kafka(), others) is None
