"""Model servers that are down, or not what they should be, seen before a query is lost on them."""

from __future__ import annotations

from agents.simulation.profile import SimModel
from agents.simulation.server import serve
from schemas.metric import Metric
from schemas.model_status import ModelStatus
from schemas.query import Parameters, Query
from schemas.response import Response
from streams.broker.ports import free_ports
from tests.loop.scripted import scripted
from tests.loop.system import System, chat
from tests.loop.test_breaker import states
from tests.loop.test_failures import sum_query
from tests.loop.watching import answered, by_id


async def test_a_server_that_is_down_gets_nothing_until_it_is_up(system: System) -> None:
    (port,) = free_ports(1)
    system.tables["models.first"] = chat(
        f"http://127.0.0.1:{port}", probe_s=0.2, served_name="org/first"
    )
    await system.chat_sim("second", settings={"probe_s": 0.2})
    system.tables["tasks.code"]["prior"] = {"first": 1.0}
    await system.prepare()
    statuses = await system.topic("model-status", ModelStatus)
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric)
    await system.run("worker-first", "worker-second")
    await statuses.until(lambda rows: states(rows, "first"), "its first report")
    told = [row for row in statuses.events if row.model == "first"]
    assert told[0].state == "open", "said before its first query"
    assert told[0].reason.startswith("its server can't be reached: ConnectError")
    await system.run("router", "grader")
    await system.ask(sum_query("before"))
    await responses.until(answered("before"), "an answer")
    (answer,) = responses.events
    assert (answer.model, answer.attempt) == ("second", 1)

    sim = await serve(SimModel(name="first", protocol="tgi", model_id="org/other"), port=port)
    try:
        await statuses.until(lambda rows: states(rows, "first") == ["open", "healthy"], "it is up")
        await system.ask(sum_query("up"))
        await responses.until(answered("up"), "an answer")
        assert by_id(responses.events)["up"].model == "first"
        await statuses.until(lambda rows: any(row.mismatch for row in rows), "what it is")
        last = next(row for row in statuses.events if row.mismatch)
        assert last.mismatch == "served_name is org/first, and the server serves org/other"
        assert last.info is not None
        assert (last.info.model_id, last.info.max_input_tokens) == ("org/other", 4096)
        sim.set_profile({"healthy": False})
        await statuses.until(
            lambda rows: states(rows, "first") == ["open", "healthy", "open"], "it is ill"
        )
    finally:
        await sim.stop()
    await metrics.until(lambda rows: len(rows) == 4, "an outcome and a grade each")
    assert {(row.model, row.error) for row in metrics.events} == {("first", None), ("second", None)}


async def test_a_server_without_a_health_route_is_judged_by_its_calls(system: System) -> None:
    body = b'{"choices": [{"message": {"content": "2"}, "finish_reason": "stop"}]}'
    async with scripted(body, kind="application/json", only="/v1/chat/completions") as (url, _):
        system.tables["models.plain"] = chat(url, protocol="openai", probe_s=0.1)
        await system.prepare()
        statuses = await system.topic("model-status", ModelStatus)
        responses = await system.topic("responses", Response)
        await system.run("router", "worker-plain")
        await system.ask(Query(query_id="q", task="code", prompt="1 + 1"))
        await responses.until(answered("q"), "an answer")
        assert responses.events[0].text == "2"
        assert {row.state for row in statuses.events} == {"healthy"}


async def test_parameters_that_a_model_has_no_word_for(system: System) -> None:
    base = await system.chat_sim("base", settings={"api": "generate"})
    system.tables["tasks.code"]["prior"] = {"base": 1.0}
    await system.prepare()
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    wanted = Parameters(tools=tools, tool_choice="auto")
    await system.run("router", "worker-base", "grader")
    await system.ask(Query(query_id="no", task="code", prompt="1 + 1", parameters=wanted))
    await responses.until(answered("no"), "an answer")
    (answer,) = responses.events
    assert answer.error is not None
    assert (answer.error.kind, answer.error.message) == (
        "rejected",
        "base: parameters.tools: the model speaks tgi /generate, which has no tools",
    )
    await system.ask(sum_query("yes"))
    await responses.until(answered("yes"), "an answer")
    await metrics.until(lambda rows: len(rows) == 2, "its metrics")
    assert {row.query_id for row in metrics.events} == {"yes"}, "nobody is blamed for the other"
    assert base.counters()["calls"] == 1
