"""What goes wrong with a simulated model when it is told to, over real HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from agents.simulation.profile import Protocol
from tests.agents.simulation.sims import ASK, MESSAGES, Pauses, Sims, sse, until


@pytest.fixture
async def sims() -> AsyncIterator[Sims]:
    async with Sims() as running:
        yield running


async def test_injected_errors(sims: Sims) -> None:
    sim = await sims.start(error_rate=1.0, error_statuses=[424, 500, 503], retry_after_s=3)
    seen = {}
    for i in range(30):
        status, said, headers = await sims.post(
            f"{sim.base_url}/generate", {"inputs": f"{i} {ASK}"}
        )
        seen[status] = (said["error_type"], headers.get("retry-after"))
    assert seen == {
        424: ("generation", None),
        500: ("incomplete_generation", None),
        503: ("healthcheck", "3"),
    }
    assert sim.counters()["faults"] == {"error": 30}


async def test_errors_in_a_stream(sims: Sims) -> None:
    sim = await sims.start(error_rate=1.0, error_statuses=[429])
    status, said, _ = await sims.post(f"{sim.base_url}/generate_stream", {"inputs": ASK})
    assert status == 200
    overloaded = {"error": "Model is overloaded", "error_type": "overloaded"}
    assert [json.loads(e) for e in sse(said)] == [overloaded]
    body = {"messages": MESSAGES, "stream": True}
    status, said, _ = await sims.post(f"{sim.base_url}/v1/chat/completions", body)
    error, done = sse(said)
    assert json.loads(error)["error"]["http_status_code"] == 422
    assert done == "[DONE]"
    sim.set_profile({"error_statuses": [503]})
    assert (await sims.post(f"{sim.base_url}/generate_stream", {"inputs": ASK}))[0] == 503


@pytest.mark.parametrize("protocol", ["tgi", "tei"])
async def test_garbage(sims: Sims, protocol: Protocol) -> None:
    sim = await sims.start(protocol, garbage_rate=1.0, dimension=2)
    bodies = set()
    for i in range(30):
        path = "generate" if protocol == "tgi" else "embed"
        async with sims.http.post(f"{sim.base_url}/{path}", json={"inputs": f"{i}"}) as response:
            assert (response.status, response.content_type) == (200, "application/json")
            bodies.add(await response.text())
    assert '{"unexpected":true}' in bodies
    assert any(body.startswith("<html>") for body in bodies)
    assert ("[[null,null]]" in bodies) == (protocol == "tei")


async def test_garbage_in_a_stream(sims: Sims) -> None:
    sim = await sims.start(garbage_rate=1.0)
    with pytest.raises(json.JSONDecodeError):
        async for _ in await (await sims.client(sim)).text_generation(ASK, stream=True):
            pass


async def test_truncated_body(sims: Sims) -> None:
    sim = await sims.start(truncate_rate=1.0)
    async with sims.http.post(f"{sim.base_url}/generate", json={"inputs": ASK}) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    async with sims.http.post(f"{sim.base_url}/generate_stream", json={"inputs": ASK}) as response:
        line = await response.content.readline()
        assert json.loads(line.removeprefix(b"data:"))["token"]["text"] == "deep"
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
    assert sim.counters()["faults"] == {"truncate": 2}


async def test_a_hang_lasts_until_the_client_leaves(sims: Sims) -> None:
    sim = await sims.start(hang_rate=1.0, max_concurrent_requests=1)
    asked = await sims.client(sim)
    call = asyncio.create_task(asked.text_generation(ASK))
    await until(lambda: sim.counters()["in_service"] == 1)
    call.cancel()
    await until(lambda: sim.counters()["in_service"] == 0)
    counted = sim.counters()
    assert (counted["calls"], counted["abandoned"], counted["statuses"]) == (1, 1, {})
    sim.set_profile({"hang_rate": 0})
    assert await asked.text_generation(ASK) == "deep blue"


async def test_a_hang_does_not_hold_up_the_stop(sims: Sims) -> None:
    sim = await sims.start(hang_rate=1.0)
    call = asyncio.create_task(sims.generate(sim, ASK))
    await until(lambda: sim.counters()["in_service"] == 1)
    began_s = time.monotonic()
    await sim.stop()
    assert time.monotonic() - began_s < 2
    assert await call == (503, {"error": "unhealthy", "error_type": "healthcheck"})


async def test_429_above_the_limit(sims: Sims) -> None:
    sim = await sims.start(max_concurrent_requests=2, hang_rate=1.0, retry_after_s=4)
    held = [asyncio.create_task(sims.generate(sim, f"{i}")) for i in range(2)]
    await until(lambda: sim.counters()["in_service"] == 2)
    status, said, headers = await sims.post(f"{sim.base_url}/generate", {"inputs": ASK})
    assert status == 429
    assert said == {"error": "Model is overloaded", "error_type": "overloaded"}
    assert headers["retry-after"] == "4"
    for call in held:
        call.cancel()
    await until(lambda: sim.counters()["in_service"] == 0)


async def test_load_slows_the_model_down(sims: Sims) -> None:
    pauses = Pauses()
    sim = await sims.start(
        sleep=pauses, latency={"median_s": 0.1}, slowdown_per_request=1.0, first_token_share=0.5
    )
    calls = []
    for i in range(3):
        calls.append(asyncio.create_task(sims.generate(sim, f"{i}")))
        await until(lambda: len(pauses.asked_s) == len(calls))
    # The first one works at once; the others wait, longer the more are there.
    assert pauses.asked_s == pytest.approx([0.1, 0.1, 0.2])
    assert (await sims.metrics(sim))["tgi_queue_size"] == 2
    pauses.over.set()
    assert [status for status, _ in await asyncio.gather(*calls)] == [200] * 3
    assert pauses.asked_s[3:] == pytest.approx([0.1, 0.1])


async def test_tokens_per_s_lengthens_long_answers(sims: Sims) -> None:
    pauses = Pauses()
    pauses.over.set()
    sim = await sims.start(sleep=pauses, latency={"median_s": 0.1}, tokens_per_s=20.0)
    await sims.generate(sim, ASK)
    assert pauses.asked_s == pytest.approx([0.1 + 3 / 20])


async def test_a_batch_does_not_wait_for_itself(sims: Sims) -> None:
    pauses = Pauses()
    pauses.over.set()
    sim = await sims.start("tei", sleep=pauses, latency={"median_s": 0.1}, slowdown_per_request=1.0)
    await sims.post(f"{sim.base_url}/embed", {"inputs": ["a", "b", "c"]})
    assert pauses.asked_s == [0.1]
