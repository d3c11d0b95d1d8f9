"""Models that can't be reached, that are busy, that come back: an answer in any case, in time."""

from __future__ import annotations

import time

import pytest

from agents.simulation.profile import SimModel
from agents.simulation.server import serve
from schemas.assignment import Assignment
from schemas.metric import Metric
from schemas.query import Query, Reference
from schemas.response import Response
from streams.broker.ports import free_ports
from tests.loop.system import System, chat
from tests.loop.watching import answered, by_id, until

LATEST_S = 5.0
"""How long after its time limit a query may be told that it has no answer."""


def dead() -> str:
    """An endpoint on which nothing listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


def sum_query(query_id: str, time_limit_s: float = 20.0) -> Query:
    return Query(
        query_id=query_id,
        task="code",
        prompt="1 + 1",
        reference=Reference(kind="numeric", value=2),
        time_limit_s=time_limit_s,
    )


async def test_an_unreachable_model_is_blamed_and_another_one_answers(system: System) -> None:
    await system.chat_sim("alive")
    system.tables["models.dead"] = chat(dead(), probe_s=0)
    system.tables["tasks.code"]["prior"] = {"dead": 1.0}
    await system.prepare()
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric)
    await system.run("router", "worker-dead", "worker-alive", "grader")
    await system.ask(sum_query("q"))
    await responses.until(answered("q"), "an answer")
    (answer,) = responses.events
    assert (answer.text, answer.model, answer.attempt, answer.error) == ("2", "alive", 2, None)
    assert answer.decision is not None
    assert (answer.decision.kind, answer.decision.eligible) == ("reroute", ["alive"])
    await metrics.until(lambda found: len(found) == 3, "all metrics")
    told = {
        (row.model, row.attempt, row.kind, row.ok, row.error, row.accuracy)
        for row in metrics.events
    }
    assert told == {
        ("dead", 1, "outcome", False, "unreachable", None),
        ("alive", 2, "outcome", True, None, None),
        ("alive", 2, "judgement", None, None, 1.0),
    }


async def test_without_another_model_the_time_limit_brings_an_error(system: System) -> None:
    system.tables["models.dead"] = chat(dead(), probe_s=0)
    await system.prepare()
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric)
    await system.run("router", "worker-dead", "grader")
    limits_s = {"short": 0.3, "longer": 1.5}
    await system.ask(*(sum_query(name, limit_s) for name, limit_s in limits_s.items()))
    await responses.until(answered(*limits_s), "an answer", within_s=10)
    for name, answer in by_id(responses.events).items():
        assert answer.error is not None
        assert answer.error.kind == "deadline"
        assert "dead: " in answer.error.message
        assert "unreachable: " in answer.error.message
        assert limits_s[name] <= answer.timings.total_s <= limits_s[name] + LATEST_S
    assert len(responses.events) == len(limits_s)
    await metrics.until(lambda found: len(found) > 2, "a metric per attempt")
    assert {(row.model, row.ok, row.error) for row in metrics.events} == {
        ("dead", False, "unreachable")
    }
    attempts = [row.attempt for row in metrics.events if row.query_id == "longer"]
    assert attempts == list(range(1, len(attempts) + 1))


async def test_without_a_worker_the_router_answers_for_models_that_are_open(
    system: System,
) -> None:
    from schemas.model_status import ModelStatus

    await system.chat_sim("only")
    await system.prepare()
    closed = ModelStatus(model="only", state="open", reason="test", last_seen_at=1)
    await system.put("model-status", closed, key=b"only")
    responses = await system.topic("responses", Response)
    await system.run("router")
    await system.ask(sum_query("q", 1.0))
    await responses.until(answered("q"), "an answer", within_s=10)
    (answer,) = responses.events
    assert answer.error is not None
    assert answer.error.kind == "deadline"
    assert 1 <= answer.timings.total_s <= 1 + LATEST_S


async def test_a_query_that_waits_for_a_busy_model_hears_in_time(system: System) -> None:
    sim = await system.chat_sim("busy", settings={"concurrency": 1}, latency={"median_s": 8.0})
    system.tables["kafka"]["partitions"] = 1
    await system.prepare()
    responses = await system.topic("responses", Response)
    await system.run("router", "worker-busy")
    await system.ask(sum_query("first", 20))
    await until(lambda: sim.counters()["in_service"] == 1, "the model is busy")
    waves = [[f"{wave}-{number}" for number in range(30)] for wave in range(2)]
    for wave in waves:
        await system.ask(*(sum_query(name, 1.0) for name in wave))
        await responses.until(answered(*wave), "an answer each", 1 + LATEST_S)
    assert sim.counters()["calls"] == 1, "all of them waited behind the first"
    await responses.until(answered("first"), "the first one's answer")
    found = by_id(responses.events)
    assert found["first"].text == "2"
    for name in (*waves[0], *waves[1]):
        answer = found[name]
        assert answer.error is not None
        assert answer.error.kind == "deadline"
        assert 1 <= answer.timings.total_s <= 1 + LATEST_S


async def test_a_slow_answer_is_cut_off_at_the_time_limit(system: System) -> None:
    await system.chat_sim("slow", hang_rate=1.0)
    await system.prepare()
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric)
    await system.run("router", "worker-slow", "grader")
    await system.ask(sum_query("q", 0.5))
    await responses.until(answered("q"), "an answer", within_s=10)
    (answer,) = responses.events
    assert answer.error is not None
    assert answer.error.kind == "deadline"
    await metrics.until(lambda found: len(found) == 1, "a metric")
    (metric,) = metrics.events
    assert (metric.model, metric.ok, metric.error) == ("slow", False, "deadline")
    assert metric.response_time_s == pytest.approx(0.5, abs=0.3)


async def test_when_all_were_tried_the_list_starts_again(system: System) -> None:
    (port,) = free_ports(1)
    system.tables["models.away"] = chat(f"http://127.0.0.1:{port}", probe_s=0)
    system.tables["models.dead"] = chat(dead(), probe_s=0)
    await system.prepare()
    responses = await system.topic("responses", Response)
    reroutes = await system.topic("reroutes", Assignment)
    await system.run("router", "worker-away", "worker-dead")
    asked_at = time.time()
    await system.ask(sum_query("q"))
    await reroutes.until(lambda rows: any(row.waits == 2 for row in rows), "two rounds")
    sim = await serve(SimModel(name="away", protocol="tgi"), port=port)
    try:
        await responses.until(answered("q"), "an answer")
    finally:
        await sim.stop()
    (answer,) = responses.events
    assert (answer.model, answer.text) == ("away", "2")
    rounds = [row for row in reroutes.events if row.not_before_at is not None]
    assert [row.waits for row in rounds] == list(range(1, len(rounds) + 1))
    assert all(row.tried == [] and row.decision is None for row in rounds)
    assert all((row.not_before_at or 0) >= asked_at * 1000 for row in rounds)
    tried = [row.tried for row in reroutes.events if row.not_before_at is None]
    assert {len(names) for names in tried} == {1, 2}
    assert answer.attempt == 1 + len(tried)
