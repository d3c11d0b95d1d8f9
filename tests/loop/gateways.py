"""Gateways for tests: replicas in this process, on a system's topics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from openai import AsyncOpenAI
from prometheus_client import CollectorRegistry

from agents.gateway import Gateway, build_gateway
from streams.app import RoleApp
from streams.settings import Settings
from tests.loop.system import System

ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789abcdef"
KEYS = f"# who may\nalice={ALICE}\n\nbob = {BOB}\n"


@dataclass
class Served:
    """A gateway that listens."""

    app: RoleApp
    url: str

    @property
    def registry(self) -> CollectorRegistry:
        """What it counts."""
        return self.app.registry

    def value(self, name: str, **labels: str) -> float:
        """A metric's value now; 0 where there is none."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def client(self, key: str = ALICE, **fields: Any) -> AsyncOpenAI:
        """OpenAI's own client; it asks once unless a test says otherwise."""
        options = {"max_retries": 0, **fields}
        return AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, **options)


@asynccontextmanager
async def gateway(settings: Settings, keys: str = KEYS, **fields: Any) -> AsyncIterator[Served]:
    """A replica with these fields of its section, and these keys."""
    section = {"port": 0, "keys_variable": "KEYS" if keys else "", **fields}
    changed = msgspec.structs.replace(settings.gateway, **section)
    app = build_gateway(
        msgspec.structs.replace(settings, gateway=changed), environment={"KEYS": keys}
    )
    await app.start()
    try:
        (server,) = (one for one in app.after_agents if isinstance(one, Gateway))
        yield Served(app, f"http://127.0.0.1:{server.port}")
    finally:
        await stop(app)


async def stop(app: RoleApp) -> None:
    """Stops it, once; fails if it had crashed."""
    if not app.should_stop:
        await app.stop()
        # Faust makes a consumer that nothing here starts, and which has a loop of its own.
        app.consumer._thread.thread_loop.close()  # type: ignore[attr-defined]
    assert app.crash_reason is None, f"the gateway crashed: {app.crash_reason!r}"


async def models(system: System) -> None:
    """Two chat models and one for vectors, and a task for each kind."""
    for name in ("one", "two"):
        await system.chat_sim(name)
    vectors = await system.sim("vectors", "tei", dimension=8)
    system.tables["models.vectors"] = {
        "endpoint": vectors.base_url,
        "protocol": "tei",
        "serves": ["embedding"],
        "vector_space": "v",
        "dimension": 8,
        "retries": 0,
    }
    system.tables["tasks.reasoning"] = {"needs": "chat", "candidates": ["two"]}
    system.tables["tasks.embedding"] = {"needs": "embedding"}
    await system.prepare()


ROLES = ("router", "worker-one", "worker-two", "worker-vectors")
