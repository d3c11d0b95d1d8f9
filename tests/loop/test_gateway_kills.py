"""What a client of the gateway sees when a worker, or the broker, goes away."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from agents.serving.sending import SEND_S
from schemas.query import Query
from streams.broker import ephemeral
from tests.loop.gateways import ALICE, gateway
from tests.loop.system import System, system_at
from tests.loop.watching import until

WORDS = "one two three four five six seven eight nine ten eleven twelve"
HEADERS = {"Authorization": f"Bearer {ALICE}"}


async def test_a_stream_whose_worker_is_killed_comes_whole_and_once(system: System) -> None:
    await system.chat_sim("one", tokens_per_s=8.0)
    await system.prepare()
    await system.run("router")
    worker = await system.spawn_ready("worker-one")
    queries = await system.topic("queries", Query)
    async with gateway(system.settings) as served, served.client() as client:
        stream = await client.chat.completions.create(
            model="one",
            messages=[{"role": "user", "content": f"sim-answer: {WORDS}"}],
            stream=True,
        )
        texts: list[str] = []
        killed = False
        async for event in stream:
            texts.append(event.choices[0].delta.content or "")
            if not killed and len("".join(texts)) > 10:
                killed = True
                worker.kill()
                system.spawn("run", "worker-one", "--replica", "0")
    assert "".join(texts) == WORDS
    assert system.sims["one"].counters()["calls"] == 2
    assert len(queries.events) == 1


async def test_without_a_broker_clients_are_told_soon(tmp_path: Path) -> None:
    with ExitStack() as stack:
        broker = await asyncio.to_thread(stack.enter_context, ephemeral())
        async with system_at(broker.bootstrap, "away-", tmp_path) as system:
            await system.chat_sim("one")
            await system.prepare()
            async with (
                gateway(system.settings) as served,
                httpx.AsyncClient(base_url=served.url, headers=HEADERS, timeout=30) as http,
            ):
                await until(lambda: not served.app.unready(), "it is ready")
                assert (await http.get("/readyz")).json() == {"ready": True}
                await asyncio.to_thread(stack.close)
                asked_s = time.monotonic()
                body = {"model": "one", "messages": [{"role": "user", "content": "x"}]}
                reply = await http.post("/v1/chat/completions", json=body)
                assert time.monotonic() - asked_s < SEND_S + 1
                assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_sent")
                assert served.value("zeta_gateway_waiting") == 0
                await until(served.app.unready, "it isn't ready", 15)
                unready = await http.get("/readyz")
                assert unready.status_code == 503
                assert "the broker has not answered" in unready.json()["why"]
                assert (await http.get("/healthz")).status_code == 200
                asked_s = time.monotonic()
            assert time.monotonic() - asked_s < 25
