"""A judge model in the loop, through an endpoint as any other model's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.metric import Metric
from schemas.query import Query, Reference
from schemas.response import Response
from tests.loop.system import System, chat
from tests.loop.watching import Topic, answered, by_id, until

PROMPT = "{question} {answer}\nsim-answer: 7"
"""A simulated model that is right says what such a line asks for."""

ROLES = ("router", "grader", "worker-plain")


def queries(count: int, **fields: Any) -> list[Query]:
    return [
        Query(query_id=f"q{number}", task="code", prompt=f"Tell tale {number}", **fields)
        for number in range(count)
    ]


def judgements(metrics: Sequence[Metric]) -> list[Metric]:
    return [row for row in metrics if row.kind == "judgement"]


async def prepared(
    system: System, judge: dict[str, Any], **sim: Any
) -> tuple[Topic[Response], Topic[Metric]]:
    await system.chat_sim("plain")
    await system.chat_sim("wise", **sim)
    system.tables["tasks.code"]["candidates"] = ["plain"]
    system.tables["judge"] = {"model": "wise", "share": 1.0, "prompt": PROMPT, **judge}
    await system.prepare()
    topics = await system.topic("responses", Response), await system.topic("metrics", Metric)
    await system.run(*ROLES)
    return topics


async def test_answers_are_judged_through_the_endpoint(system: System) -> None:
    responses, metrics = await prepared(system, {"calls_per_hour": 1000})
    reference = Reference(kind="contains", value="e")
    graded = Query(query_id="graded", task="code", prompt="Tell one", reference=reference)
    await system.ask(*queries(5), graded)
    await metrics.until(lambda rows: len(judgements(rows)) == 6, "all grades")
    rows = {row.query_id: row for row in judgements(metrics.events)}
    assert rows.pop("graded").grader == "contains"
    assert {(r.grader, r.accuracy, r.model) for r in rows.values()} == {
        ("judge:wise", 0.7, "plain")
    }
    assert system.sims["wise"].counters()["calls"] == 5
    found = by_id(responses.events)
    assert found["graded"].query is None, "the query comes along only where the judge may want it"
    query = found["q3"].query
    assert query is not None
    assert query.prompt == "Tell tale 3"


async def test_the_budget_is_kept(system: System) -> None:
    _, metrics = await prepared(system, {"calls_per_hour": 30})
    asked = queries(40)
    await system.ask(*asked)
    await metrics.until(
        lambda rows: len([r for r in rows if r.kind == "outcome"]) == 40, "outcomes"
    )
    await metrics.until(lambda rows: len(judgements(rows)) == 3, "a tenth of the hour's at once")
    await system.stop("grader")
    assert system.sims["wise"].counters()["calls"] == 3


async def test_a_judge_that_fails_is_in_nobodys_way(system: System) -> None:
    responses, metrics = await prepared(
        system, {"calls_per_hour": 1000, "timeout_s": 0.3}, hang_rate=0.5, garbage_rate=0.5
    )
    asked = queries(12)
    await system.ask(*asked)
    await responses.until(answered(*(query.query_id for query in asked)), "all answers")
    await metrics.until(lambda rows: len(rows) == 12, "all outcomes")
    await until(lambda: system.sims["wise"].counters()["calls"] == 12, "all calls")
    await system.stop("grader")
    assert not judgements(metrics.events)
    again = await system.spawn_ready("grader")
    assert await again.end() == 0
    assert len(metrics.events) == 12, "all was committed"


async def test_it_does_not_judge_itself(system: System) -> None:
    await system.chat_sim("wise")
    system.tables["judge"] = {"model": "wise", "share": 1.0, "prompt": PROMPT}
    await system.prepare()
    metrics = await system.topic("metrics", Metric)
    await system.run("router", "grader", "worker-wise")
    await system.ask(*queries(3))
    await metrics.until(lambda rows: len(rows) == 3, "outcomes")
    await system.stop("grader")
    assert system.sims["wise"].counters()["calls"] == 3, "its own answers, no more"
    assert not judgements(metrics.events)


async def test_a_tasks_own_reference_grades_what_brings_none(system: System) -> None:
    await system.chat_sim("plain")
    system.tables["tasks.code"]["reference"] = {"kind": "regex", "value": "^[0-9]+$"}
    await system.prepare()
    metrics = await system.topic("metrics", Metric)
    await system.run(*ROLES)
    exact = Reference(kind="exact", value="3")
    asked = {
        "number": Query(query_id="number", task="code", prompt="1 + 1"),
        "words": Query(query_id="words", task="code", prompt="Tell a tale"),
        "own": Query(query_id="own", task="code", prompt="1 + 2", reference=exact),
    }
    await system.ask(*asked.values())
    await metrics.until(lambda rows: len(judgements(rows)) == 3, "all grades")
    assert {row.query_id: (row.grader, row.accuracy) for row in judgements(metrics.events)} == {
        "number": ("regex", 1.0),
        "words": ("regex", 0.0),
        "own": ("exact", 1.0),
    }


async def test_an_answer_is_not_lost_for_its_long_question(system: System) -> None:
    await system.chat_sim("plain", max_input_tokens=10**6, max_total_tokens=10**7)
    system.tables["models.wise"] = chat("http://127.0.0.1:1")
    system.tables["tasks.code"]["candidates"] = ["plain"]
    system.tables["judge"] = {"model": "wise", "share": 1.0}
    await system.prepare()
    responses = await system.topic("responses", Response)
    await system.run("router", "worker-plain")
    long = "x" * 60_000
    prompt = " " * 930_000 + f"\nsim-answer: {long}"
    await system.ask(Query(query_id="long", task="code", prompt=prompt))
    await responses.until(answered("long"), "an answer")
    found = by_id(responses.events)["long"]
    assert found.error is None
    assert (found.text, found.query) == (long, None)
