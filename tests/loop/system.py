"""A Zeta router for a test: roles on the shared broker, simulated models, and what travels."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client import CollectorRegistry

from agents.roles import build_role
from agents.simulation.profile import SimModel, merge
from agents.simulation.server import RunningSim, serve
from schemas.query import Query
from schemas.wire import Event, encode
from streams.admin import create_topics
from streams.app import RoleApp
from streams.settings import Settings, load
from streams.spans import Spans
from streams.tables import partitions_of
from tests.loop.watching import Topic, until

ROOT = Path(__file__).resolve().parents[2]
E = TypeVar("E", bound=Event)

Tables = dict[str, dict[str, Any]]


def toml(value: Any) -> str:
    """A value as TOML: JSON, but for tables."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{json.dumps(key)} = {toml(part)}" for key, part in value.items())
        return f"{{ {inside} }}"
    return json.dumps(value)


def chat(endpoint: str, **fields: Any) -> dict[str, Any]:
    """A chat model at this endpoint."""
    return {"endpoint": endpoint, "protocol": "tgi", "serves": ["chat"], "retries": 0, **fields}


class Process:
    """One role as a process of its own, which can be killed."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=ROOT, env=dict(environment)
            )

    @property
    def ready(self) -> bool:
        """Whether it has told so, its partitions being assigned."""
        assert self.process.poll() is None, self.log.read_text()
        return " is ready" in self.log.read_text()

    def kill(self) -> None:
        """SIGKILL, as an out-of-memory killer would."""
        self.process.kill()
        self.process.wait()

    async def end(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        await until(lambda: self.process.poll() is not None, "the end of a role")
        return int(self.process.returncode)


class System:
    """One test's router.

    ``models`` are sections of the settings; a test adds its own before ``prepare``. ``spans``
    record what the roles do that ``run`` starts.
    """

    def __init__(self, bootstrap: str, prefix: str, directory: Path) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.directory = directory
        self.file = directory / "zeta.toml"
        self.tables: Tables = {
            "kafka": {"bootstrap": bootstrap, "prefix": prefix, "partitions": 2},
            "routing": {"default_task": "code", "retry_first_s": 0.05, "retry_longest_s": 0.2},
            "windows": {"size_s": 1.0, "lateness_s": 0.2, "tick_s": 0.1},
            "tasks.code": {"needs": "chat"},
            "feedback": {"index_dir": str(directory / "index")},
            "gateway": {"enabled": False},
            "dashboard": {"enabled": False},
        }
        self.settings: Settings
        self.spans: Spans | None = None
        self.processes: list[Process] = []
        self._stack = AsyncExitStack()
        self._apps: dict[str, RoleApp] = {}
        self.sims: dict[str, RunningSim] = {}
        self._producer: AIOKafkaProducer

    async def sim(self, name: str, protocol: str = "tgi", **fields: Any) -> RunningSim:
        """A simulated model that answers in 5 ms, but for what ``fields`` say."""
        plain = SimModel(name=name, protocol=protocol)  # type: ignore[arg-type]
        sim = await serve(merge(plain, {"latency": {"median_s": 0.005}, **fields}))
        self._stack.push_async_callback(sim.stop)
        self.sims[name] = sim
        return sim

    async def chat_sim(
        self, name: str, *, settings: Mapping[str, Any] | None = None, **fields: Any
    ) -> RunningSim:
        """A simulated chat model, declared in the settings."""
        sim = await self.sim(name, **fields)
        self.tables[f"models.{name}"] = chat(sim.base_url, **(settings or {}))
        return sim

    def write(self) -> None:
        """Writes the settings to ``file``."""
        sections = (
            f"[{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in table.items())
            for name, table in self.tables.items()
        )
        self.file.write_text("\n".join(sections))
        self.settings = load(self.file, {})

    async def prepare(self) -> None:
        """Writes the settings, makes the topics."""
        self.write()
        await create_topics(self.settings)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", max_request_size=2**22
        )
        await self._producer.start()
        self._stack.push_async_callback(self._producer.stop)

    async def run(self, *roles: str) -> None:
        """Runs roles in this process, on the test's loop."""
        apps = {role: build_role(self.settings, role, "") for role in roles}
        self._apps |= apps
        for app in apps.values():
            app.tracing.spans = self.spans
        await asyncio.gather(*(app.start() for app in apps.values()))

    def registry(self, role: str) -> CollectorRegistry:
        """What a role that ``run`` started counts for Prometheus."""
        return self._apps[role].registry

    async def stop(self, role: str) -> None:
        """Stops a role that ``run`` started; fails if it had crashed."""
        await _stopped(self._apps.pop(role))

    def spawn(self, *arguments: str, **variables: str) -> Process:
        """Runs ``zeta`` as a process of its own, e.g. ``spawn("run", "router")``."""
        command = [sys.executable, "-m", "agents.cli", "--config", str(self.file), *arguments]
        log = self.directory / f"{'-'.join(arguments)}-{len(self.processes)}.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ZETA_")}
        environment = {**inherited, "PYTHONPATH": str(ROOT), **variables}
        self.processes.append(Process(command, log, environment))
        return self.processes[-1]

    async def spawn_ready(self, role: str, replica: str = "0") -> Process:
        """A role as a process, once it has its partitions."""
        process = self.spawn("run", role, "--replica", replica)
        await until(lambda: process.ready, f"{role} is ready")
        return process

    async def topic(self, name: str, kind: type[E]) -> Topic[E]:
        """Reads a topic as long as the test lasts."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        partitions = await partitions_of(self.settings.kafka, self.prefix + name)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        topic = Topic(kind, consumer)
        self._stack.push_async_callback(topic.close)
        return topic

    async def put(self, topic: str, value: Event | bytes | None, **fields: Any) -> Any:
        """Writes a record; returns where it is, once it is acknowledged."""
        raw = encode(value) if isinstance(value, Event) else value
        return await self._producer.send_and_wait(self.prefix + topic, raw, **fields)

    async def put_all(self, topic: str, events: Sequence[Event], **fields: Any) -> None:
        """Writes many records."""
        futures = [
            await self._producer.send(self.prefix + topic, encode(event), **fields)
            for event in events
        ]
        await asyncio.gather(*futures)

    async def ask(self, *queries: Query) -> None:
        """Writes queries."""
        for query in queries:
            await self._producer.send(
                self.prefix + "queries", encode(query), key=query.query_id.encode()
            )
        await self._producer.flush()

    async def close(self) -> None:
        """Stops everything that was started; a role that had crashed fails the test."""
        for process in self.processes:
            if process.process.poll() is None:
                process.kill()
        try:
            await asyncio.gather(*map(_stopped, self._apps.values()))
        finally:
            await self._stack.aclose()


async def _stopped(app: RoleApp) -> None:
    await app.stop()
    # Faust makes a consumer that nothing here starts, and which has a loop of its own.
    app.consumer._thread.thread_loop.close()  # type: ignore[attr-defined]
    assert app.crash_reason is None, f"{app.conf.id} crashed: {app.crash_reason!r}"


@asynccontextmanager
async def system_at(bootstrap: str, prefix: str, directory: Path) -> AsyncIterator[System]:
    """A system that is closed at the end."""
    system = System(bootstrap, prefix, directory)
    try:
        yield system
    finally:
        await system.close()
