"""The index of answers and feedback: joined once, whatever comes first, again or anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.answer_index import (
    AnswerIndex,
    Joined,
    LoggedAnswer,
    LoggedFeedback,
    Served,
    feedback_metric,
)
from schemas.feedback import Feedback

SERVED = Served(
    attempt=2,
    model="m",
    task="code",
    kind="policy",
    propensity=0.5,
    rule_version=7,
    decided_at=100,
    session="s",
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[AnswerIndex]:
    made = AnswerIndex(tmp_path / "0.sqlite")
    yield made
    made.close()


def answer(query_id: str, offset: int = 0, logged_at: int = 1000) -> LoggedAnswer:
    return LoggedAnswer(query_id, offset, logged_at, SERVED)


def said(
    query_id: str, offset: int = 0, *, source: str = "a", score: float = 1.0, logged_at: int = 2000
) -> LoggedFeedback:
    feedback = Feedback(query_id=query_id, score=score, source=source)
    return LoggedFeedback(feedback, offset, logged_at)


def learn(index: AnswerIndex, *answers: LoggedAnswer, position: int = 0) -> list[Joined]:
    index.put_answers(answers, topic="r", position=position)
    return index.waiting_for(answers)


def take(index: AnswerIndex, *feedback: LoggedFeedback, position: int = 0) -> list[Joined]:
    index.put_feedback(feedback, topic="f", position=position)
    return index.answered(feedback)


def test_both_orders_give_the_same(tmp_path: Path, index: AnswerIndex) -> None:
    other = AnswerIndex(tmp_path / "1.sqlite")
    assert learn(index, answer("q")) == []
    assert take(other, said("q")) == []
    (after,) = take(index, said("q"))
    (before,) = learn(other, answer("q"))
    assert after == before == Joined(SERVED, "q", "a", 1.0, 2000)
    other.close()


def test_a_redelivery_is_joined_again_and_a_repetition_is_not(index: AnswerIndex) -> None:
    learn(index, answer("q"))
    first = take(index, said("q", 5, score=0.25))
    assert take(index, said("q", 6, score=0.75)) == []
    assert take(index, said("q", 5, score=0.25)) == first != []
    assert [row.score for row in learn(index, answer("q"))] == [0.25]


def test_the_first_answer_is_the_one_that_was_served(index: AnswerIndex) -> None:
    take(index, said("q"))
    assert len(learn(index, answer("q", 3))) == 1
    assert learn(index, answer("q", 4)) == []


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_the_lowest_offset_stays_in_whatever_order_they_come(
    index: AnswerIndex, order: tuple[int, ...]
) -> None:
    for offset in order:
        take(index, said("q", offset, score=offset / 2))
    assert [row.score for row in learn(index, answer("q"))] == [0.0]


def test_each_source_counts_for_itself(index: AnswerIndex) -> None:
    learn(index, answer("q"))
    sources = {row.source for row in take(index, said("q", 1), said("q", 2, source="b"))}
    assert sources == {"a", "b"}


def test_a_file_is_known_again_to_its_position(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    first = AnswerIndex(path)
    learn(first, answer("q"), position=11)
    first.close()
    again = AnswerIndex(path)
    assert (again.position("r"), again.position("f")) == (11, 0)
    assert len(take(again, said("q"))) == 1
    learn(again, position=4)
    assert again.position("r") == 11, "a position never goes back"
    again.clear()
    assert again.position("r") == 0
    assert take(again, said("q")) == []
    again.close()


def test_a_file_that_is_no_index_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"rubbish" * 1000)
    index = AnswerIndex(path)
    assert index.position("r") == 0
    index.close()


def test_what_is_old_is_dropped_from_both(index: AnswerIndex) -> None:
    learn(index, answer("old", 1, 1000), answer("new", 2, 3000))
    take(index, said("waits", 1, logged_at=1000), said("waits", 2, source="b", logged_at=3000))
    index.prune(2000)
    assert take(index, said("old", 3)) == []
    assert len(take(index, said("new", 4))) == 1
    assert [row.source for row in learn(index, answer("waits", 5))] == ["b"]


def test_the_metric_credits_the_model_that_served() -> None:
    metric = feedback_metric(Joined(SERVED, "q", "alice", 0.75, 5000), 0.5, "alice")
    assert metric.identity == ("q", 2, "m", "judgement", "feedback:alice")
    assert (metric.accuracy, metric.trust, metric.observed_at) == (0.75, 0.5, 5000)
    assert metric.pool == "alice"
    assert (metric.propensity, metric.rule_version, metric.session) == (0.5, 7, "s")
