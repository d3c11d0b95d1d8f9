"""The counts find what is lost: each of these losses is made on purpose."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.assignment import Assignment, Decision, Failure
from schemas.dead_letter import DeadLetter
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import AnswerError, Response
from schemas.tick import Tick
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import Event, encode
from tests.chaos.archived import Archived, Offsets, compare
from tests.chaos.counting import Answers, DeadLettersCount, Measures
from tests.chaos.load import Asked
from tests.chaos.reading import Record
from tests.chaos.report import Line, Result, count, none_of

NOW = 1_790_000_000_000


def record(value: Event | bytes, offset: int = 0, partition: int = 0, topic: str = "t") -> Record:
    raw = encode(value) if isinstance(value, Event) else value
    made = SimpleNamespace(
        topic=topic, partition=partition, offset=offset, timestamp=NOW, key=None, value=raw
    )
    return cast(Record, made)


def decision(model: str = "a") -> Decision:
    return Decision(
        model=model,
        task="code",
        kind="policy",
        eligible=["a", "b"],
        propensities={"a": 0.5, "b": 0.5},
        rule_version=1,
        reason="",
        decided_at=NOW,
    )


def response(query_id: str, **fields: Any) -> Response:
    return Response(query_id=query_id, attempt=1, answered_at=NOW, decision=decision(), **fields)


def metric(query_id: str, kind: str = "outcome", at: int = NOW, attempt: int = 1) -> Metric:
    said: dict[str, Any] = {"ok": True, "response_time_s": 0.1}
    if kind != "outcome":
        said = {"accuracy": 1.0, "grader": kind}
    return Metric(
        query_id=query_id,
        attempt=attempt,
        model="a",
        task="code",
        kind="outcome" if kind == "outcome" else "judgement",
        decided_at=NOW,
        observed_at=at,
        **said,
    )


def part(outcomes: int, next_offset: int, end_at: int = 2000, partition: int = 0) -> WindowScore:
    return WindowScore(
        task="code",
        partition=partition,
        partitions=1,
        window_start_at=end_at - 1000,
        window_end_at=end_at,
        models={"a": ModelSummary(outcomes=outcomes)} if outcomes else {},
        next_offset=next_offset,
    )


def asked(*ids: str) -> Asked:
    return Asked(ids=dict.fromkeys(ids, "plain"))


def test_answers_are_matched_with_what_was_asked() -> None:
    answers = Answers()
    refusal = AnswerError(kind="deadline", message="")
    for row in (response("a"), response("a"), response("c", error=refusal), response("ghost")):
        answers.take_response(record(row))
    answers.take_response(record(b"\xff"))
    found = asked("a", "b", "c")
    assert answers.unanswered(found) == ["b"]
    assert answers.unasked(found) == ["ghost"]
    assert answers.duplicates == 1
    assert answers.error_kinds() == {"deadline": 1}
    found.unsure.add("ghost")
    assert answers.unasked(found) == [], "its send failed, and yet it arrived"


def test_an_attempt_that_was_handed_on_needs_its_outcome_too() -> None:
    answers, measures = Answers(), Measures(60_000)
    failures = [Failure(model="b", kind="timeout", message="", failed_at=NOW)]
    query = Query(query_id="q", prompt="?")
    rerouted = Assignment(
        query=query, task="code", attempt=2, asked_at=NOW, deadline_at=NOW, failures=failures
    )
    answers.take_reroute(record(rerouted))
    answers.take_response(record(response("q")))
    measures.take_metric(record(metric("q")))
    assert measures.without_outcome(answers.attempts) == [("q", 1, "b")]


@pytest.mark.parametrize(
    ("folded", "missing", "twice"), [(2, 0, 0), (1, 1, 0), (3, 0, 1), (0, 2, 0)]
)
def test_each_metric_is_in_one_window(folded: int, missing: int, twice: int) -> None:
    measures = Measures(60_000)
    for offset, row in enumerate((metric("q"), metric("q"), metric("r"), Tick(ticked_at=NOW))):
        measures.take_metric(record(row, offset))
    assert not measures.all_closed()
    measures.take_score(record(part(folded, 3)))
    measures.take_score(record(part(folded, 3)))
    assert measures.all_closed()
    assert (measures.repeated, measures.copies, measures.differing) == (1, 1, 0)
    assert (measures.missing(), measures.folded_twice()) == (missing, twice)


def test_a_part_that_comes_again_must_be_the_same() -> None:
    measures = Measures(60_000)
    measures.take_score(record(part(2, 3)))
    measures.take_score(record(part(1, 3)))
    assert measures.differing == 1


def test_what_comes_from_the_future_is_refused() -> None:
    measures = Measures(1000)
    measures.take_metric(record(metric("q", at=NOW + 1001), 7))
    measures.take_metric(record(b"?", 8))
    assert not measures.identities
    assert measures.refused == {("metrics", 0, 7), ("metrics", 0, 8)}


def test_feedback_needs_its_judgement() -> None:
    measures = Measures(60_000)
    measures.take_metric(record(metric("q", "feedback:chaos")))
    measures.take_metric(record(metric("r", "exact")))
    assert measures.without_judgement({"q", "r"}) == ["r"]


def test_a_bad_record_must_be_there_byte_for_byte() -> None:
    letters = DeadLettersCount()
    for offset, value in ((1, b"\xff"), (2, b"other"), (3, b"good")):
        letter = DeadLetter(
            topic="queries",
            partition=0,
            offset=offset,
            timestamp_at=NOW,
            value=value,
            stage="router",
            error="",
            failed_at=NOW,
        )
        letters.take(record(letter))
    poison = {("queries", 0, 1): b"\xff", ("queries", 0, 2): b"this", ("queries", 1, 1): b"?"}
    assert letters.lost(poison) == [("queries", 0, 2), ("queries", 1, 1)]
    assert letters.surplus(poison, set()) == [("queries", 0, 3)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "metrics" / "date=2026-09-21"
    folder.mkdir(parents=True)
    for number, offsets in enumerate(([0, 1, 2], [2, 4])):
        columns = {"kafka_partition": [0] * len(offsets), "kafka_offset": offsets}
        pq.write_table(pa.table(columns), folder / f"part-{number}.parquet")
    return tmp_path


def test_the_archive_is_compared_offset_by_offset(root: Path) -> None:
    offsets = Offsets("p-")
    for offset in (0, 1, 2, 3, 6):
        offsets.take(record(b"", offset, topic="p-metrics"))
    assert offsets.count == 5
    assert compare(root, offsets) == Archived(files=2, rows=5, missing=2, twice=1, foreign=1)


@pytest.mark.parametrize(
    ("lines", "late", "ok"),
    [
        ([count("asked", 10), none_of("lost", [])], [], True),
        ([count("asked", 10), Line("twice", 1, 0)], [], False),
        ([none_of("lost", ["q"])], [], False),
        ([], ["drained"], False),
    ],
)
def test_a_result_is_missed_by_any_line(lines: list[Line], late: list[str], ok: bool) -> None:
    assert Result(1, 10, lines=lines, late=late).ok == ok
