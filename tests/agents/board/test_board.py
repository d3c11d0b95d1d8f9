"""The board: what it tells, what it tells anew, and that nothing on the topics makes it grow."""

from __future__ import annotations

from itertools import count

import msgspec
import pytest

from agents.board.board import MOST_OTHER_TASKS, Board
from agents.board.decisions import LONGEST_ID, MOST_OF_ONE, Decisions, Spot
from agents.board.flow import lag
from agents.board.letters import MOST as MOST_LETTERS
from agents.board.letters import Letters, small
from agents.board.task_rules import MOST_POINTS
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.model_status import ModelStatus
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import Event
from streams.redrive.letters import brief
from streams.redrive.mark import Place
from tests.agents.board.events import (
    NOW,
    PLACE,
    SETTINGS,
    decision,
    judgement,
    outcome,
    reroute,
    response,
    rule,
)


@pytest.fixture
def board() -> Board:
    return Board(SETTINGS, lambda: NOW + 1_000)


def put(board: Board, topic: str, *events: Event, at: int = NOW) -> None:
    for event in events:
        board.put(topic, event, PLACE, at)


def test_a_querys_events_become_one_row(board: Board) -> None:
    put(board, "reroutes", reroute())
    (row,) = board.snapshot()["decisions"]
    assert (row["state"], row["error"], row["model"]) == ("open", "timeout", "a")
    put(board, "metrics", outcome(error="timeout"))
    put(board, "responses", response(model="b", attempt=2, decision=decision("b", NOW + 60)))
    put(board, "metrics", judgement(accuracy=0.5), judgement(accuracy=1.0, grader="feedback:ann"))
    (row,) = board.snapshot()["decisions"]
    assert {key: row[key] for key in ("state", "model", "error", "failures", "grade")} == {
        "state": "answered",
        "model": "b",
        "error": None,
        "failures": 1,
        "grade": 0.75,
    }
    assert (row["propensity"], row["total_s"]) == (0.1, 0.08)


def test_the_order_of_a_querys_events_does_not_matter(board: Board) -> None:
    put(board, "responses", response(model="b", attempt=2, decision=decision("b", NOW + 60)))
    put(board, "reroutes", reroute())
    put(board, "metrics", outcome(error="timeout"), judgement(), judgement())
    (row,) = board.snapshot()["decisions"]
    assert (row["state"], row["model"], row["error"]) == ("answered", "b", None)
    assert (row["failures"], row["grades"]) == (1, 1)


def test_only_what_changed_is_told_again(board: Board) -> None:
    put(board, "responses", response("first"), response("second"))
    put(board, "rules-log", rule(1), rule(2))
    seq = board.snapshot()["seq"]
    assert board.since(seq).keys() == {"seq", "at"}
    put(board, "metrics", judgement("first"))
    put(board, "rules-log", rule(3))
    update = board.since(seq)
    assert [row["id"] for row in update["decisions"]] == ["first"]
    assert [point["version"] for task in update["tasks"] for point in task["points"]] == [3]


def test_the_rule_in_force_is_the_newest(board: Board) -> None:
    put(board, "rules", rule(5))
    put(board, "rules-log", *(rule(version) for version in (3, 4, 5)))
    put(board, "rules", rule(4))
    (task,) = board.snapshot()["tasks"]
    assert (task["rule"]["version"], task["rule"]["reason"]) == (5, "reason 5")
    assert [point["version"] for point in task["points"]] == [3, 4, 5]
    best = task["rule"]["models"][0]
    assert (best["name"], best["weight"], best["samples"]) == ("a", 0.9, 20.0)
    low, high = best["interval"]
    assert low < best["accuracy"] < high
    assert (low, high) == (pytest.approx(0.699, abs=0.001), pytest.approx(0.972, abs=0.001))


def test_a_window_is_told_when_all_partitions_have_closed_it(board: Board) -> None:
    for partition in (0, 1):
        summary = ModelSummary(outcomes=2, judgements=1, trust_micro=10**6, accuracy_micro=10**6)
        part = WindowScore(
            task="code",
            partition=partition,
            partitions=2,
            window_start_at=NOW - 1000,
            window_end_at=NOW,
            models={"a": summary},
        )
        (before,) = board.snapshot()["tasks"] if partition else [{"last_window": None}]
        assert before["last_window"] is None
        put(board, "scores", part)
    (task,) = board.snapshot()["tasks"]
    assert task["last_window"]["models"]["a"] == {
        "outcomes": 4,
        "errors": 0,
        "graded": 2,
        "accuracy": 1.0,
    }


def test_figures_are_of_the_last_minutes(board: Board) -> None:
    put(board, "metrics", *(outcome(f"q{n}") for n in range(19)), outcome("bad", "timeout"))
    put(board, "metrics", outcome("old"), at=NOW - 400_000)
    put(board, "metrics", outcome("again", replay="run"))
    board.put_flow(1.0, {"queries": 10}, {})
    board.put_flow(3.0, {"queries": 30}, {"router": {"queries": 2}})
    told = board.snapshot()
    model = told["models"][0]
    assert (model["outcomes"], model["errors"], model["error_kinds"]) == (20, 1, {"timeout": 1})
    assert model["p95_s"] == pytest.approx(0.08, rel=0.02)
    assert sum(row[0] for row in model["course"]) == 21
    assert told["flow"] == {"rates": {"queries": 10.0}, "lags": {"router": {"queries": 2}}}


def test_a_model_is_as_its_best_worker_says(board: Board) -> None:
    def state() -> tuple[str, str]:
        board.put_flow(1.0, {}, None)
        row = board.snapshot()["models"][0]
        return row["state"], row["reason"]

    assert state()[0] == "unknown"
    for worker, told in (("w1", "open"), ("w2", "probing")):
        status = ModelStatus(model="a", worker=worker, state=told, reason=told, last_seen_at=0)  # type: ignore[arg-type]
        put(board, "model-status", status)
    assert state() == ("probing", "probing")
    later = Board(SETTINGS, lambda: NOW + 60_000)
    put(later, "model-status", status)
    later.put_flow(1.0, {}, None)
    assert later.snapshot()["models"][0]["state"] == "silent"


def test_hostile_records_do_not_make_it_grow() -> None:
    board = Board(SETTINGS, lambda: NOW)
    huge = "x" * 300_000
    for number in range(2_500):
        put(board, "responses", response(f"q{number}", session=huge), at=NOW + 10**9 + number)
    put(board, "responses", response("y" * (LONGEST_ID + 1)))
    for number in range(MOST_OTHER_TASKS + 5):
        put(board, "rules-log", rule(1, task=f"t{number}"))
    put(board, "rules-log", *(rule(version) for version in range(1, MOST_POINTS + 20)))
    for number in range(3 * MOST_LETTERS):
        letter = DeadLetter(
            topic=huge, partition=0, offset=0, timestamp_at=0, stage=huge, error=huge, failed_at=0
        )
        board.put("dead-letters", letter, Place(0, number), NOW)
    for number in range(100):
        put(board, "metrics", judgement("q2499", grader=f"{huge}{number}"))
        put(board, "feedback", Feedback(query_id="q2499", score=1.0, source=f"s{number}"))
        status = ModelStatus(
            model="a", worker=str(number), state="open", reason=huge, last_seen_at=0
        )
        put(board, "model-status", status)
        put(board, "metrics", outcome(f"m{number}", model=f"model{number}"))
    told = board.snapshot()
    assert board.decisions.get("y" * (LONGEST_ID + 1)) is None
    assert len(told["decisions"]) == 1_000
    assert all(row["at"] <= NOW for row in told["decisions"])
    assert len(told["tasks"]) == len(SETTINGS.tasks) + MOST_OTHER_TASKS
    assert max(len(task["points"]) for task in told["tasks"]) == MOST_POINTS
    assert len(told["letters"]["letters"]) == MOST_LETTERS
    entry = board.decisions.get("q2499")
    assert entry is not None
    assert len(entry.metrics) <= MOST_OF_ONE
    assert max(len(one.grader) for one in entry.metrics) < 300
    board.put_flow(1.0, {}, None)
    models = board.snapshot()["models"]
    assert [row["name"] for row in models] == ["a", "b"]
    assert len(msgspec.json.encode(told)) < 2_000_000


def test_letters_are_few_and_small() -> None:
    letters, huge = Letters(), "x" * 300_000
    letter = DeadLetter(
        topic=huge,
        partition=0,
        offset=0,
        timestamp_at=0,
        key=huge.encode(),
        stage=huge,
        error=huge,
        failed_at=0,
    )
    for number in range(3 * MOST_LETTERS):
        letters.put(letter, Place(0, number), NOW + number)
    assert len(letters) <= 2 * MOST_LETTERS
    assert len(msgspec.json.encode(small(brief(PLACE, letter)))) < 2_000
    assert letters.view()["letters"][0]["letter"] == f"0@{3 * MOST_LETTERS - 1}"


def test_lag_counts_from_the_commit_or_the_first_record() -> None:
    ends, committed, firsts = {0: 10, 1: 5, 2: 7}, {0: 4, 1: -1, 2: 9}, {1: 2}
    assert lag(ends, committed, firsts) == 6 + 3


def test_control_characters_and_marks_of_direction_are_shown(board: Board) -> None:
    put(board, "responses", response("a\x00b\u202ec<script>"))
    (row,) = board.snapshot()["decisions"]
    assert row["id"] == "a\\x00b\\u202ec<script>"
    assert row["key"] == "a\x00b\u202ec<script>"


def test_the_oldest_are_forgotten_first() -> None:
    decisions = Decisions(count(1).__next__, most=10)
    for number in reversed(range(40)):
        decisions.put_response(response(f"q{number}"), Spot("responses", 0, number), NOW + number)
    views, skipped = decisions.since(0, 100)
    assert [row["id"] for row in views] == [f"q{number}" for number in range(39, 29, -1)]
    assert skipped == 0
    assert decisions.since(0, 4)[1] == 6
    assert len(decisions) <= 20


def test_a_late_grade_of_a_forgotten_query_brings_nothing_back(board: Board) -> None:
    put(board, "metrics", judgement("gone"))
    assert "decisions" not in board.snapshot()


def test_an_outcome_is_counted_once_in_a_row(board: Board) -> None:
    metric: Metric = outcome(error="timeout")
    put(board, "metrics", metric, metric)
    (row,) = board.snapshot()["decisions"]
    assert row["failures"] == 1
