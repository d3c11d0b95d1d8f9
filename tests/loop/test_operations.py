"""Health, readiness, metrics and logs of real processes, as the broker goes and comes back."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from prometheus_client import CollectorRegistry

from schemas.metric import Metric
from schemas.query import Query
from schemas.response import Response
from streams.broker import ephemeral
from streams.broker.ephemeral import EphemeralBroker
from streams.broker.ports import free_port_run
from tests.agents.metering.test_meters import decision, judgement
from tests.agents.metering.test_meters import response as answer
from tests.conftest import groups_known
from tests.loop.system import System, system_at
from tests.loop.test_failures import sum_query
from tests.loop.watching import until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SECRET = "t0ken-of-the-model"


@dataclass
class Own:
    """A system on a broker that the test may stop."""

    broker: EphemeralBroker
    system: System


@pytest_asyncio.fixture
async def own(tmp_path: Path, prefix: str) -> AsyncIterator[Own]:
    """One with a model that takes its time."""
    with ephemeral() as broker:
        await groups_known(broker.bootstrap)
        async with system_at(broker.bootstrap, prefix, tmp_path) as system:
            await system.chat_sim(
                "first",
                latency={"median_s": 3.0},
                settings={"token_variable": "MODEL_TOKEN"},
            )
            await system.prepare()
            yield Own(broker, system)


class Role:
    """One role's own port."""

    def __init__(self, client: httpx.AsyncClient, port: int) -> None:
        self._client = client
        self._base = f"http://127.0.0.1:{port}"

    async def get(self, path: str) -> httpx.Response | None:
        with suppress(httpx.TransportError):
            return await self._client.get(self._base + path)
        return None

    async def is_alive(self) -> bool:
        got = await self.get("/healthz")
        return got is not None and got.status_code == 200

    async def missing(self) -> list[str] | None:
        """What keeps it from its work; None while it doesn't listen."""
        got = await self.get("/readyz")
        if got is None:
            return None
        told: list[str] = got.json()["missing"]
        assert got.status_code == (503 if told else 200)
        return told

    async def until(
        self, happened: Callable[[list[str] | None], bool], what: str, within_s: float = 20.0
    ) -> list[str]:
        """What is missing, once that is so."""
        deadline = time.monotonic() + within_s
        while not happened(found := await self.missing()):
            assert time.monotonic() < deadline, f"{what}: {found}"
            await asyncio.sleep(0.02)
        assert found is not None
        return found

    async def metrics(self) -> str:
        got = await self.get("/metrics")
        assert got is not None
        return got.text


async def test_readyz_follows_the_broker_the_start_and_the_end(own: Own) -> None:
    system = own.system
    first = free_port_run(2)
    command = ("run", "router", "worker-first", "--log-format", "json")
    process = system.spawn(*command, "--metrics-port", str(first), MODEL_TOKEN=SECRET)
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        router, worker = Role(client, first), Role(client, first + 1)
        starting = await router.until(lambda told: told is not None, "it listens", 60)
        assert starting == [
            "the start is not complete",
            "the consumer group has not been joined",
        ]
        for role in (router, worker):
            await role.until(lambda told: told == [], "it is ready", 60)
        header = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())
        await system.put("queries", b'{"query_id": "broken", "task": 1}', headers=[header])
        await until(lambda: "went to dead-letters" in process.log.read_text(), "it is told")
        found = await router.metrics()
        assert 'zeta_records_consumed_total{topic="queries"} 1.0' in found
        assert 'zeta_dead_letters_total{reason="undecodable",topic="queries"} 1.0' in found
        assert 'zeta_consumer_lag_records{partition="0",topic="queries"} 0.0' in found

        own.broker.kill()
        told = await router.until(bool, "the broker is missed")
        assert re.fullmatch(r"the broker has not answered for \d+ s", told[0])
        assert await router.is_alive()
        own.broker.start()
        for role in (router, worker):
            await role.until(lambda told: told == [], "it is ready again")

        await system.put("queries", sum_query("slow", 60.0), key=b"slow")
        await until_busy(worker)
        process.process.send_signal(signal.SIGTERM)
        told = await worker.until(lambda told: told != [], "it drains")
        assert told == ["draining: work in flight is finished, nothing more is begun"]
        assert await worker.is_alive()
    await until(lambda: process.process.poll() is not None, "the end")
    assert process.process.returncode == 0
    check_log(process.log.read_text())


async def until_busy(worker: Role) -> None:
    """Waits until the worker has a query in its hands."""
    deadline = time.monotonic() + 20
    while 'zeta_in_flight_records{topic="models.first"} 1.0' not in await worker.metrics():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def check_log(text: str) -> None:
    """Every line is one object; what was logged of a record says which query it was."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        assert {"time", "level", "logger", "role", "message"} <= row.keys()
        assert TIME.fullmatch(row["time"])
    assert {row["role"] for row in rows} == {"up", "router", "worker-first"}
    (refused,) = (row for row in rows if "went to dead-letters" in row["message"])
    assert refused["query_id"] == "broken"
    assert refused["trace_id"] == TRACE
    assert refused["level"] == "warning"
    assert re.search(r"queries-\d@0$", refused["record"])
    assert SECRET not in text


def sets_of(registry: CollectorRegistry) -> set[tuple[str, ...]]:
    """Every series but the buckets of histograms."""
    return {
        (sample.name, *sorted(sample.labels.values()))
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


async def test_a_thousand_unknown_names_in_records_make_no_series(system: System) -> None:
    await system.chat_sim("first")
    await system.prepare()
    roles = ("router", "worker-first", "grader", "aggregator", "tuner")
    responses = await system.topic("responses", Response)
    await system.run(*roles)

    async def send(start: int, count: int) -> None:
        names = [f"unknown-{number}" for number in range(start, start + count)]
        await system.put_all("queries", [Query(query_id=n, task=n, prompt="x") for n in names])
        forged = [answer(name, name, decision=decision(name, name)) for name in names]
        await system.put_all("responses", forged)
        metrics: list[Metric] = [judgement(name, name, f"feedback:{name}") for name in names]
        await system.put_all("metrics", metrics)
        await system.put_all("models.first", forged)
        await responses.until(lambda rows: len(rows) >= 2 * (start + count), "all are answered")
        await until(lambda: consumed("metrics", "aggregator") >= start + count, "all are folded")

    def consumed(topic: str, role: str) -> float:
        labels = {"topic": topic}
        found = system.registry(role).get_sample_value("zeta_records_consumed_total", labels)
        return found or 0.0

    await send(0, 20)
    before = {role: sets_of(system.registry(role)) for role in roles}
    await send(20, 1000)
    for role in roles:
        new = sets_of(system.registry(role)) - before[role]
        assert not any("unknown" in word for row in new for word in row), new
        assert len(new) < 50, new  # of topics that the role reads for the first time
