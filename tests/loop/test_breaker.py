"""Models that go down and come back: what the breaker tells, whom it calls, who is blamed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import httpx

from schemas.assignment import Assignment, Decision
from schemas.metric import Metric
from schemas.model_status import ModelStatus
from schemas.query import Query
from schemas.response import Response
from streams.broker.ports import free_ports
from tests.loop.system import System
from tests.loop.test_failures import sum_query
from tests.loop.watching import answered, by_id, until

QUICK = {"failures": 3, "open_s": 0.6, "longest_open_s": 1.0, "report_s": 0.5}
UP: dict[str, Any] = {"error_rate": 0.0}
DOWN: dict[str, Any] = {"error_rate": 1.0, "error_statuses": [500, 503]}


def states(statuses: Sequence[ModelStatus], model: str) -> list[str]:
    """The model's states, without repetitions."""
    told = [status.state for status in statuses if status.model == model]
    return [state for n, state in enumerate(told) if n == 0 or told[n - 1] != state]


def queries(prefix: str, count: int, time_limit_s: float = 30.0) -> list[Query]:
    return [sum_query(f"{prefix}{number}", time_limit_s) for number in range(count)]


def shadow_copy(query_id: str) -> Assignment:
    now = round(time.time() * 1000)
    decision = Decision(
        model="first",
        task="code",
        kind="shadow",
        eligible=["first"],
        propensities={"first": 1.0},
        rule_version=0,
        reason="test",
        decided_at=now,
    )
    return Assignment(
        query=sum_query(query_id),
        task="code",
        attempt=1,
        asked_at=now,
        deadline_at=now + 20_000,
        decision=decision,
    )


async def ask_until(
    system: System, prefix: str, happened: Callable[[], bool], what: str, within_s: float = 20.0
) -> None:
    """Asks ten queries a second until it has happened."""
    deadline = time.monotonic() + within_s
    for number in itertools.count():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await system.ask(sum_query(f"{prefix}{number}", 60.0))
        with suppress(AssertionError):
            await until(happened, what, 0.1)
            return


async def test_a_model_that_fails_is_left_alone_probed_and_taken_back(system: System) -> None:
    sim = await system.chat_sim("first", **DOWN)
    await system.chat_sim("second")
    system.tables["tasks.code"]["prior"] = {"first": 1.0}
    system.tables["breaker"] = QUICK
    await system.prepare()
    statuses = await system.topic("model-status", ModelStatus)
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric)
    reroutes = await system.topic("reroutes", Assignment)
    await system.run("router", "worker-first", "worker-second", "grader")

    await system.ask(*queries("down", 40))
    await responses.until(answered(*(f"down{n}" for n in range(40))), "all answers")
    assert {row.model for row in responses.events} == {"second"}
    await statuses.until(lambda found: "open" in states(found, "first"), "it is told")
    opened = next(row for row in statuses.events if row.state == "open")
    assert "of the last" in opened.reason
    assert "server_error" in opened.reason or "overloaded" in opened.reason

    registry = system.registry("worker-first")
    model = {"model": "first"}
    assert registry.get_sample_value("zeta_model_breaker_state", {**model, "state": "open"}) == 1
    handed_on = registry.get_sample_value("zeta_model_handed_on_total", model)
    assert handed_on
    assert handed_on > 20

    # Blame is for calls alone, and the log says who wasn't asked and why.
    calls = sim.counters()["calls"]
    counted = [
        registry.get_sample_value("zeta_model_calls_total", {**model, "outcome": kind}) or 0
        for kind in ("server_error", "overloaded")
    ]
    assert sum(counted) == calls
    assert calls < 20, "the others were handed on without a call"
    refused = [row for row in reroutes.events if row.failures[-1].kind == "breaker_open"]
    assert {(row.attempt, *row.tried) for row in refused} == {(1, "first")}
    blamed = [row for row in metrics.events if row.model == "first"]
    assert {row.error for row in blamed} <= {"server_error", "overloaded"}
    assert len(blamed) <= calls

    # A copy for this model alone goes nowhere else, and a call that wasn't made blames nobody.
    copies = [f"q{number}#shadow" for number in range(6)]
    for name in copies:
        await system.put("models.first", shadow_copy(name), key=name.encode())
    await responses.until(answered(*copies), "an answer to each copy")
    untried = [row for row in responses.events if row.query_id in copies and row.decision is None]
    assert len(untried) >= len(copies) - 3
    assert {row.error.kind for row in untried if row.error} == {"breaker_open"}
    assert not [row for row in reroutes.events if row.query.query_id in copies]

    sim.set_profile(UP)
    await ask_until(
        system, "up", lambda: states(statuses.events, "first")[-1] == "healthy", "it is back"
    )
    assert states(statuses.events, "first")[-3:] == ["open", "probing", "healthy"]
    await system.ask(sum_query("at-last"))
    await responses.until(answered("at-last"), "an answer")
    assert by_id(responses.events)["at-last"].model == "first"


async def test_while_all_models_are_down_queries_wait_for_the_first_that_returns(
    system: System,
) -> None:
    sims = [await system.chat_sim(name, **DOWN) for name in ("one", "two")]
    system.tables["breaker"] = QUICK
    await system.prepare()
    statuses = await system.topic("model-status", ModelStatus)
    responses = await system.topic("responses", Response)
    await system.run("router", "worker-one", "worker-two")
    await system.ask(*queries("q", 30))
    await statuses.until(
        lambda found: all("open" in states(found, name) for name in ("one", "two")), "it is told"
    )
    calls = [sim.counters()["calls"] for sim in sims]
    assert not responses.events, "they wait"
    sims[1].set_profile(UP)
    await responses.until(answered(*(f"q{n}" for n in range(30))), "all answers", 15.0)
    assert {(row.model, row.text, row.error) for row in responses.events} == {("two", "2", None)}
    waited = sims[0].counters()["calls"] - calls[0]
    assert waited < 30, "a model that is down is only probed"


async def test_a_model_without_workers_gets_nothing_though_it_never_failed(
    system: System,
) -> None:
    await system.chat_sim("left")
    await system.chat_sim("stays")
    system.tables["tasks.code"]["prior"] = {"left": 1.0}
    system.tables["breaker"] = QUICK
    await system.prepare()
    responses = await system.topic("responses", Response)
    assigned = await system.topic("models.left", Assignment)
    await system.run("router", "worker-stays")
    worker = await system.spawn_ready("worker-left")
    await system.ask(sum_query("before"))
    await responses.until(answered("before"), "an answer")
    assert responses.events[0].model == "left"
    worker.kill()

    await ask_until(
        system,
        "after",
        lambda: any(row.model == "stays" for row in responses.events),
        "silence is noticed",
    )
    # What was put on its topic before that waits there for a worker.
    (port,) = free_ports(1)
    again = system.spawn("run", "worker-left", "--metrics-port", str(port))
    await until(lambda: again.ready, "it is ready")
    waiting = [row.query.query_id for row in assigned.events]
    await responses.until(answered(*waiting), "answers to all")
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    assert 'zeta_model_breaker_state{model="left",state="healthy"} 1.0' in page
    taken = system.spawn("run", "worker-left", "--metrics-port", str(port))
    await until(lambda: taken.process.poll() is not None, "its end")
    assert taken.process.returncode == 1
    assert f"--metrics-port {port}: Address already in use" in taken.log.read_text()
    assert await again.end() == 0
