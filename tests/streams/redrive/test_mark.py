"""The headers of a redriven record."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import DeadLetter, Header
from streams.redrive.mark import (
    COUNT,
    MARK,
    Mark,
    Place,
    identity,
    mark_of,
    marked,
    parse_place,
    redrives,
)

HEADERS = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8"), max_size=5),
        st.one_of(st.none(), st.binary(max_size=9)),
    ),
    max_size=5,
)


def letter(headers: list[tuple[str, bytes | None]], count: int = 0) -> DeadLetter:
    return DeadLetter(
        topic="queries",
        partition=2,
        offset=9,
        timestamp_at=1000,
        headers=[Header(name=name, value=value) for name, value in headers],
        stage="router",
        error="bad",
        failed_at=2000,
        redrives=count,
    )


@given(headers=HEADERS, count=st.integers(0, 99))
def test_headers_stay_as_they_came_and_the_mark_says_where_from(
    headers: list[tuple[str, bytes | None]], count: int
) -> None:
    place, kept = Place(1, 7), letter(headers, count)
    sent = marked(place, kept)
    assert sent[:-2] == headers
    assert redrives(sent) == count + 1
    mark = mark_of(sent)
    assert mark == Mark(partition=1, offset=7, failed_at=2000, timestamp=1000)
    assert (mark.partition, mark.offset, mark.failed_at) == identity(place, kept)


@given(headers=HEADERS)
def test_a_second_redrive_replaces_the_mark_and_keeps_the_first_time(
    headers: list[tuple[str, bytes | None]],
) -> None:
    once = marked(Place(1, 7), letter(headers))
    again = letter(once, redrives(once))
    twice = marked(Place(0, 3), msgspec.structs.replace(again, timestamp_at=5000))
    assert twice[:-2] == headers
    assert redrives(twice) == 2
    assert mark_of(twice) == Mark(partition=0, offset=3, failed_at=2000, timestamp=1000)


@pytest.mark.parametrize(
    "content", [None, b"", b"-1", b"1.5", b"9" * 10, b" 1", b"1\n", "٣".encode(), b"\xff"]
)
def test_a_count_that_is_none_is_0(content: bytes | None) -> None:
    assert redrives([(COUNT, content)]) == 0


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"\xff", b'{"partition": "x"}'])
def test_a_broken_mark_is_none(content: bytes | None) -> None:
    assert mark_of([(MARK, content)]) is None


@pytest.mark.parametrize("text", ["", "1", "@", "1@", "@2", "-1@2", "1@2 ", "1@2@3", "a@b", "١@٢"])
def test_what_is_no_place(text: str) -> None:
    assert parse_place(text) is None


@given(partition=st.integers(0, 10**8), offset=st.integers(0, 10**17))
def test_a_place_is_read_as_it_is_written(partition: int, offset: int) -> None:
    assert parse_place(str(Place(partition, offset))) == Place(partition, offset)
