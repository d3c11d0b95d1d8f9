"""Simulated models for a test, and clients to ask them; all are closed when the test ends."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Self

import aiohttp
from huggingface_hub import AsyncInferenceClient

from agents.simulation.profile import Protocol, SimModel, merge
from agents.simulation.server import RunningSim, serve

ASK = "Name the colour.\nsim-answer: deep blue"
MESSAGES: list[Any] = [{"role": "user", "content": ASK}]


class Sims:
    """Starts simulated models; `http` is a plain client."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=10)
        session = aiohttp.ClientSession(timeout=timeout)
        self.http = await self._stack.enter_async_context(session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def start(
        self,
        protocol: Protocol = "tgi",
        clock: Callable[[], float] = time.monotonic,
        changes: tuple[dict[str, Any], ...] = (),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **fields: Any,
    ) -> RunningSim:
        """A model that answers at once, but for what `fields` say."""
        plain = SimModel(name="m", protocol=protocol, changes=changes)
        told = merge(plain, {"latency": {"median_s": 0.0}, **fields})
        sim = await serve(told, clock=clock, sleep=sleep)
        self._stack.push_async_callback(sim.stop)
        return sim

    async def client(self, sim: RunningSim) -> AsyncInferenceClient:
        """The client that the product uses."""
        made = AsyncInferenceClient(base_url=sim.base_url, timeout=10)
        return await self._stack.enter_async_context(made)

    async def post(self, url: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        """(status, body, headers with lower-case names)."""
        async with self.http.post(url, json=body) as response:
            text = await response.text()
            said = json.loads(text) if response.content_type == "application/json" else text
            return response.status, said, {k.lower(): v for k, v in response.headers.items()}

    async def generate(self, sim: RunningSim, prompt: str) -> tuple[int, Any]:
        """(status, body) of TGI's own route."""
        status, said, _ = await self.post(f"{sim.base_url}/generate", {"inputs": prompt})
        return status, said

    async def get(self, url: str) -> Any:
        """The JSON there."""
        async with self.http.get(url) as response:
            return await response.json()

    async def status(self, url: str) -> int:
        """The status of a GET."""
        async with self.http.get(url) as response:
            return response.status

    async def metrics(self, sim: RunningSim) -> dict[str, float]:
        """The metrics page, a value per name with its labels."""
        async with self.http.get(f"{sim.base_url}/metrics") as response:
            assert response.content_type == "text/plain"
            lines = [line for line in (await response.text()).splitlines() if line[0] != "#"]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


class Pauses:
    """Stands in for sleep: notes the seconds asked for, and lasts until the test says so."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []
        self.over = asyncio.Event()
        self.once = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.asked_s.append(seconds)
        waits = [asyncio.ensure_future(w) for w in (self.over.wait(), self.once.acquire())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def sse(text: str) -> list[str]:
    """The data of a stream's events."""
    return [line.removeprefix("data:").strip() for line in text.splitlines() if line]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`, at most 5 s."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "did not happen within 5 s"
        await asyncio.sleep(0.005)
