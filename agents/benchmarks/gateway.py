"""``zeta bench gateway``: what the gateway adds to a call of the same model server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx

from agents.benchmarks.figures import Row, over_runs, percentile
from agents.benchmarks.loop import ready, rules, simulated
from agents.benchmarks.processes import BenchError, Running
from agents.benchmarks.town import Town, town
from agents.benchmarks.worlds import names, query, sections
from streams.broker.ports import free_ports

MODEL = names("model", 1)[0]
PATH = "/v1/chat/completions"
TIMEOUT_S = 60.0
WARM_UP = 2
"""Requests of each connection before those that count."""
LOADED = 5
"""So many times more requests for the processor time of each."""
QUANTILES = {"p50": 0.5, "p99": 0.99}

Ask = Callable[[httpx.AsyncClient, Mapping[str, Any]], Awaitable[float]]


async def bench_gateway(
    bootstrap: str, runs: int, requests: int, concurrent: int, say: Callable[[str], None]
) -> Row:
    """Milliseconds of a request, directly and through the gateway, a model without latency.

    Both ways are measured in each run, one after the other, with the same client: one request at a
    time, ``concurrent`` at a time, and to the first token of a stream, one at a time. Last, what
    processor time each role takes for one of ``concurrent`` requests at a time.
    """
    found = []
    async with town(bootstrap, {}) as nowhere:
        with simulated(nowhere.directory) as endpoints:
            (port,) = free_ports(1)
            made = sections(1, 1, endpoints=endpoints)
            made["gateway"] = {"port": port}
            async with town(bootstrap, made) as place, _served(place) as roles:
                for run in range(runs):
                    say(f"gateway: run {run + 1} of {runs}")
                    at = {"direct": endpoints[0], "gateway": f"http://127.0.0.1:{port}"}
                    found.append(await _run(at, roles, requests, concurrent))
    return {
        "bench": "gateway",
        "runs": runs,
        "requests": requests,
        "concurrent": concurrent,
        **over_runs(found),
    }


@asynccontextmanager
async def _served(place: Town) -> AsyncIterator[dict[str, Running]]:
    await rules(place, 1)
    names_ = {"gateway": "gateway", "router": "router", "worker": f"worker-{MODEL}"}
    async with ready(place, list(names_.values())) as processes:
        yield dict(zip(names_, processes, strict=True))


async def _run(
    at: Mapping[str, str], roles: Mapping[str, Running], requests: int, concurrent: int
) -> dict[str, float]:
    ways: dict[str, tuple[Ask, int]] = {
        "one_at_a_time": (_whole, 1),
        "many_at_a_time": (_whole, concurrent),
        "first_token": (_first_token, 1),
    }
    found: dict[str, float] = {}
    for name, (ask, at_once) in ways.items():
        took = {who: await _load(url, ask, requests, at_once) for who, url in at.items()}
        found |= compared(name, took["direct"], took["gateway"])
    return found | await _processor(at["gateway"], roles, requests, concurrent)


async def _processor(
    url: str, roles: Mapping[str, Running], requests: int, concurrent: int
) -> dict[str, float]:
    """Milliseconds of processor time that each role takes for a request."""
    requests *= LOADED  # the kernel counts processor time in hundredths of a second
    before = {name: role.cpu_s() for name, role in roles.items()}
    await _load(url, _whole, requests, concurrent)
    total = requests + WARM_UP * concurrent
    return {
        f"{name}_cpu_ms": 1000 * (role.cpu_s() - before[name]) / total
        for name, role in roles.items()
    }


def compared(name: str, direct_s: Sequence[float], gateway_s: Sequence[float]) -> dict[str, float]:
    """Quantiles of both ways in milliseconds, and how much more the second is."""
    found: dict[str, float] = {}
    for label, share in QUANTILES.items():
        direct, gateway = (1000 * percentile(took, share) for took in (direct_s, gateway_s))
        found |= {
            f"{name}_direct_{label}_ms": direct,
            f"{name}_gateway_{label}_ms": gateway,
            f"{name}_added_{label}_ms": gateway - direct,
        }
    return found


async def _load(url: str, ask: Ask, requests: int, at_once: int) -> list[float]:
    """Seconds of each request, when all connections are there and have been used."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=limits) as client:

        async def work(numbers: Iterator[int], took: list[float]) -> None:
            for number in numbers:
                prompt = query(number, 1, "g").prompt
                messages = [{"role": "user", "content": prompt}]
                took.append(await ask(client, {"model": MODEL, "messages": messages}))

        for count in (WARM_UP * at_once, requests):
            numbers, took = iter(range(count)), list[float]()
            await asyncio.gather(*(work(numbers, took) for _ in range(at_once)))
    return took


async def _whole(client: httpx.AsyncClient, body: Mapping[str, Any]) -> float:
    began_s = time.monotonic()
    reply = await client.post(PATH, json=body)
    if reply.status_code != HTTPStatus.OK or not reply.json()["choices"][0]["message"]["content"]:
        raise BenchError(f"{reply.status_code}: {reply.text[:200]}")
    return time.monotonic() - began_s


async def _first_token(client: httpx.AsyncClient, body: Mapping[str, Any]) -> float:
    began_s, first_s = time.monotonic(), 0.0
    async with client.stream("POST", PATH, json={**body, "stream": True}) as reply:
        async for line in reply.aiter_lines():
            if not first_s and '"content":"' in line and '"content":""' not in line:
                first_s = time.monotonic() - began_s
    if not first_s:
        raise BenchError("a stream without a token")
    return first_s
