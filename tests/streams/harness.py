"""What the tests of the foundation share: topics, records, and processes that can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import TopicPartition

from schemas.wire import encode
from tests.streams.consuming_program import GROUP, Item

ROOT = Path(__file__).resolve().parents[2]
POLL_S = 0.02


async def eventually(happened: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Waits until ``happened()``; fails with ``what`` after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(POLL_S)


async def never(happened: Callable[[], bool], what: str, for_s: float = 1.0) -> None:
    """Watches for ``for_s`` that ``happened()`` stays false."""
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        assert not happened(), what
        await asyncio.sleep(POLL_S)


class Program:
    """One process of ``consuming_program``."""

    def __init__(self, options: Mapping[str, Any], log: Path) -> None:
        self.log = log
        self._out = log.with_suffix(".out")
        command = [sys.executable, "-m", "tests.streams.consuming_program"]
        with log.open("wb") as errors, self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, msgspec.json.encode(options).decode()],
                stdout=out,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )

    def told(self, event: str) -> list[dict[str, Any]]:
        """What it told of this kind so far, in order."""
        lines = self._out.read_bytes().split(b"\n")[:-1]
        facts = (msgspec.json.decode(line) for line in lines)
        return [fact for fact in facts if fact["event"] == event]

    def begun(self) -> list[int]:
        """The numbers of the records that it began, in order."""
        return [fact["n"] for fact in self.told("begun")]

    def ready(self) -> bool:
        """Whether its consumer has its partitions."""
        return "is ready" in self.log.read_text()

    def kill(self) -> None:
        """SIGKILL, as an out-of-memory killer would."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, within_s: float = 20.0) -> int:
        """Its exit code, once it has ended by itself."""
        await eventually(lambda: self.process.poll() is not None, "end of process", within_s)
        assert self.process.returncode is not None
        return self.process.returncode


@dataclass
class Lab:
    """A broker, a prefix for the names on it, and the processes of one test."""

    bootstrap: str
    prefix: str
    directory: Path
    programs: list[Program] = field(default_factory=list)

    def start(self, **options: Any) -> Program:
        """Starts a process; keyword arguments of ``Kafka`` and ``Options`` alike."""
        kafka = {"drain_s": 5.0, "bootstrap": self.bootstrap, "prefix": self.prefix}
        own = {"handler", "replica", "patience_s", "max_in_flight", "rewind", "poll_interval_s"}
        kafka |= {name: value for name, value in options.items() if name not in own}
        chosen = {name: value for name, value in options.items() if name in own}
        log = self.directory / f"{len(self.programs)}.log"
        self.programs.append(Program({"kafka": kafka, **chosen}, log))
        return self.programs[-1]

    def close(self) -> None:
        for program in self.programs:
            if program.process.poll() is None:
                program.kill()

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    async def create(
        self, partitions: int = 1, out: Mapping[str, str] | None = None, only_in: bool = False
    ) -> None:
        """Makes topic ``in``, and ``out`` with this configuration."""
        topics = [NewTopic(self.prefix + "in", partitions, 1)]
        if not only_in:
            topics.append(NewTopic(self.prefix + "out", 1, 1, topic_configs=dict(out or {})))
        async with self.admin() as admin:
            await admin.create_topics(topics)

    async def create_out(self) -> None:
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(self.prefix + "out", 1, 1)])

    async def configure_out(self, **settings: str) -> None:
        """Replaces the configuration of ``out``; ``_`` in names stands for ``.``."""
        configs = {name.replace("_", "."): value for name, value in settings.items()}
        resource = ConfigResource(ConfigResourceType.TOPIC, self.prefix + "out", configs)
        async with self.admin() as admin:
            await admin.alter_configs([resource])

    async def put(self, items: Iterable[Item], partition: int | None = None) -> None:
        """Writes records to ``in``: on this partition, or in turn on each."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        await producer.start()
        try:
            partitions = sorted(await producer.partitions_for(self.prefix + "in"))
            for item in items:
                where = partitions[item.n % len(partitions)] if partition is None else partition
                key = str(item.n).encode()
                await producer.send(self.prefix + "in", encode(item), key=key, partition=where)
        finally:
            await producer.stop()

    async def copied(self) -> list[int]:
        """The numbers of the records in ``out`` now, in order."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        try:
            tp = TopicPartition(self.prefix + "out", 0)
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            end = (await consumer.end_offsets([tp]))[tp]
            numbers: list[int] = []
            while await consumer.position(tp) < end:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    numbers += (msgspec.json.decode(record.value)["n"] for record in records)
            return numbers
        finally:
            await consumer.stop()

    async def committed(self) -> dict[int, tuple[int, str]]:
        """Offset and metadata by partition of ``in``, as the group committed them."""
        async with self.admin() as admin:
            found = await admin.list_consumer_group_offsets(self.prefix + GROUP)
        return {tp.partition: (entry.offset, entry.metadata) for tp, entry in found.items()}

    async def all_copied(self, count: int, within_s: float = 30.0) -> list[int]:
        """Waits until the numbers 0 to ``count - 1`` are in ``out``; returns all that is."""
        deadline = time.monotonic() + within_s
        while missing := set(range(count)) - set(numbers := await self.copied()):
            told = f"{len(missing)} of {count} missing: {sorted(missing)[:10]}"
            assert time.monotonic() < deadline, told
            await asyncio.sleep(POLL_S)
        return numbers

    async def all_committed(self, *offsets: int, within_s: float = 15.0) -> None:
        """Waits until the commits are these, one for each partition."""
        deadline = time.monotonic() + within_s
        while (found := await self.commits()) != list(offsets):
            assert time.monotonic() < deadline, f"committed {found}, not {list(offsets)}"
            await asyncio.sleep(POLL_S)

    async def commits(self) -> list[int]:
        """The committed offsets in order of partition; empty when there is none yet."""
        return [offset for _, (offset, _) in sorted((await self.committed()).items())]
