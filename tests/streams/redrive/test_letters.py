"""Choosing letters, and where their records may go back to."""

from __future__ import annotations

import pytest

from schemas.dead_letter import DeadLetter
from streams.redrive.letters import Brief, Selection, brief
from streams.redrive.mark import Place
from streams.redrive.planning import refusal
from streams.topics import topic_table

LETTER = DeadLetter(
    topic="queries",
    partition=2,
    offset=9,
    timestamp_at=1000,
    key=b"k\xff\x1b",
    stage="router",
    error="Unknown task 'poetry'",
    failed_at=2000,
)


@pytest.mark.parametrize(
    ("selection", "takes"),
    [
        (Selection(), True),
        (Selection(topic="queries", stage="router", error="TASK"), True),
        (Selection(topic="reroutes"), False),
        (Selection(stage="route"), False),
        (Selection(error="model"), False),
        (Selection(since_at=2000), True),
        (Selection(since_at=2001), False),
        (Selection(until_at=2001), True),
        (Selection(until_at=2000), False),
    ],
)
def test_filters_must_all_hold(selection: Selection, *, takes: bool) -> None:
    assert selection.takes(LETTER) is takes


def at(failed_at: int, offset: int) -> Brief:
    kept = DeadLetter(
        topic="queries",
        partition=0,
        offset=0,
        timestamp_at=0,
        stage="router",
        error="",
        failed_at=failed_at,
    )
    return brief(Place(0, offset), kept)


def test_a_limit_leaves_the_newest_oldest_first() -> None:
    rows = [at(3, 0), at(1, 1), at(2, 2), at(3, 3)]
    assert [row.letter for row in Selection(limit=2).newest(rows)] == ["0@0", "0@3"]
    assert [row.letter for row in Selection(limit=9).newest(rows)] == ["0@1", "0@2", "0@0", "0@3"]


def test_a_brief_holds_no_value_and_names_its_place() -> None:
    row = brief(Place(1, 12), LETTER)
    assert (row.letter, row.place, row.key, row.value_bytes) == (
        "1@12",
        Place(1, 12),
        "k\\xff\x1b",
        None,
    )


def test_only_what_is_work_goes_back() -> None:
    back = {row.name for row in topic_table(["m"]) if refusal(row.name) is None}
    assert back == {"queries", "reroutes", "responses", "feedback", "models.m"}
    for topic in ("metrics", "scores", "controls", "nobody-knows"):
        assert refusal(topic)
