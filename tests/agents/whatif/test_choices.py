"""What counts as a choice, and what came of it."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.whatif.choices import ChoiceFold, read_choices
from schemas.metric import Metric
from streams.replay.origin import Headers, Origin, stamped
from streams.settings import Kafka
from tests.agents.rebuild_world import MemoryLog


def outcome(query_id: str = "q", **fields: Any) -> Metric:
    given = {
        "attempt": 1,
        "model": "a",
        "task": "code",
        "kind": "outcome",
        "ok": True,
        "response_time_s": 2.0,
        "propensity": 0.5,
        "decided_at": 10,
        "observed_at": 20,
    }
    return Metric(query_id=query_id, **{**given, **fields})


def judged(accuracy: float, query_id: str = "q", **fields: Any) -> Metric:
    given = {"kind": "judgement", "grader": "exact", "accuracy": accuracy}
    return outcome(query_id, **{**given, **fields})


def folded(*metrics: Metric) -> ChoiceFold:
    fold = ChoiceFold()
    for metric in metrics:
        fold.add(metric)
    return fold


def test_judgements_combine_by_trust_and_a_second_copy_counts_for_nothing() -> None:
    rows = [judged(1.0), judged(0.0, grader="judge:m", trust=0.25), outcome()]
    fold = folded(*rows, *rows)
    (choice,) = fold.choices()
    assert choice.grade == pytest.approx(1.0 / 1.25)
    assert choice.response_time_s == 2.0
    assert (fold.counts.records, fold.counts.duplicates) == (6, 3)


def test_a_failure_is_a_grade_of_0_and_no_grade_is_none() -> None:
    failed, silent = folded(
        outcome("f", ok=False, error="timeout"), outcome("s"), judged(1.0, "t", trust=0.0)
    ).choices()[:2]
    assert (failed.grade, silent.grade) == (0.0, None)


@pytest.mark.parametrize("kind", ["pin", "reroute", "forced", "shadow"])
def test_what_is_no_draw_is_no_choice(kind: str) -> None:
    fold = folded(judged(1.0, decision_kind=kind), outcome(decision_kind=kind), outcome("other"))
    assert [one.query_id for one in fold.choices()] == ["other"]
    assert (fold.counts.no_choice, fold.counts.choices) == (1, 1)


def test_only_a_querys_first_choice_counts() -> None:
    """A list of models that was tried to its end starts again: that is no new draw."""
    later = outcome(attempt=3, decided_at=90, model="b")
    fold = folded(later, outcome(), judged(1.0, attempt=3, decided_at=90, model="b"))
    (choice,) = fold.choices()
    assert (choice.attempt, choice.model, choice.grade) == (1, "a", None)
    assert fold.counts.repeated == 1


def test_the_draw_was_over_the_session_else_the_query() -> None:
    first, second = folded(outcome("q1", session="s"), outcome("q2")).choices()
    assert (first.key, second.key) == ("s", "q2")


def test_what_isnt_wanted_is_counted_apart() -> None:
    fold = ChoiceFold(lambda metric: metric.task == "code")
    fold.add(outcome())
    fold.add(outcome("r", task="reasoning"))
    fold.add(judged(1.0, "r", task="reasoning"))
    assert [one.task for one in fold.choices()] == ["code"]
    assert fold.counts.unwanted == 1


@given(st.randoms(use_true_random=False))
def test_the_order_of_records_doesnt_matter(order: random.Random) -> None:
    """Partitions are read one after another, and judgements come late."""
    rows = [
        metric
        for number in range(6)
        for metric in (
            outcome(f"q{number}", decided_at=number, ok=number != 3),
            judged(number / 8, f"q{number}", decided_at=number),
            judged(0.5, f"q{number}", decided_at=number, grader="feedback:u", trust=0.5),
        )
    ]
    straight = folded(*rows).choices()
    order.shuffle(rows)
    shuffled = folded(*rows).choices()
    assert [one.query_id for one in shuffled] == [one.query_id for one in straight]
    assert [one.grade for one in shuffled] == pytest.approx([one.grade for one in straight])


async def test_what_was_replayed_is_no_choice_again() -> None:
    log = MemoryLog(1)
    origin = Origin(run="r", topic="metrics", partition=0, offset=0, timestamp=0, started=0)
    sent: list[tuple[str, Headers, str | None]] = [
        ("live", [], None),
        ("sent again", stamped([], origin), None),
        ("asked again", [], "r"),
    ]
    for query_id, headers, replay in sent:
        offset = log.append("metrics", outcome(query_id, replay=replay))
        record = log.topics["metrics"][0][offset]
        log.topics["metrics"][0][offset] = dataclasses.replace(record, headers=headers)
    for kafka, expected in (
        (Kafka(), ["live"]),
        (Kafka(sandbox=True), ["live", "sent again"]),
    ):
        fold = ChoiceFold()
        await read_choices(log, kafka, fold)
        assert [choice.query_id for choice in fold.choices()] == expected
