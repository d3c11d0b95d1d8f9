"""A query's story: every attempt with what came of it, texts bounded."""

from __future__ import annotations

from agents.board.showing import LONGEST_TEXT
from agents.board.story import Found, story
from schemas.feedback import Feedback
from schemas.query import Message, Query
from tests.agents.board.events import NOW, decision, judgement, outcome, reroute, response


def test_attempts_are_told_in_order_with_what_failed() -> None:
    second = decision("b", NOW + 60, kind="reroute", reason="a has failed")
    found = Found(
        "q",
        query=reroute().query,
        response=response(model="b", attempt=2, decision=second),
        reroutes=[reroute()],
        metrics=[
            outcome(error="timeout", response_time_s=0.05),
            outcome(model="b", attempt=2, decided_at=NOW + 60),
            judgement(),
        ],
        opinions=[Feedback(query_id="q", score=0.25, source="ann", comment="no")],
    )
    told = story(found)
    first, last = told["attempts"]
    assert (first["model"], first["ok"], first["error"]) == ("a", False, "timeout")
    assert (first["message"], first["response_time_s"]) == ("too slow", 0.05)
    assert (last["model"], last["kind"], last["ok"], last["reason"]) == (
        *("b", "reroute", True, "a has failed"),
    )
    assert last["eligible"] == [
        {"model": "a", "propensity": 0.9},
        {"model": "b", "propensity": 0.1},
    ]
    assert told["query"]["turns"] == [{"who": "prompt", "text": "how much is 6 * 7?"}]
    assert (told["answer"]["text"], told["answer"]["total_s"]) == ("42", 0.08)
    assert told["grades"][0]["grader"] == "exact"
    assert told["feedback"][0]["comment"] == "no"


def test_an_attempt_of_which_only_the_metric_is_left() -> None:
    told = story(Found("q", metrics=[outcome(error="timeout")]))
    (only,) = told["attempts"]
    assert (only["model"], only["ok"], only["eligible"], only["reason"]) == ("a", False, [], None)


def test_nothing_found_is_said() -> None:
    told = story(Found("q", missing=["gone"]))
    assert (told["found"], told["missing"], told["attempts"]) == (False, ["gone"], [])


def test_a_long_talk_is_cut() -> None:
    messages = [Message(role="user", content="x" * 1_000) for _ in range(500)]
    told = story(Found("q", query=Query(query_id="q", messages=messages)))
    turns = told["query"]["turns"]
    assert sum(len(turn["text"]) for turn in turns) < LONGEST_TEXT + 500
    assert turns[-1] == {"who": "more", "text": "436 further parts"}
