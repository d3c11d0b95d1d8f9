"""A place to measure in: a broker, settings of its own, topics, and a way to fill them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count, repeat
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from agents.benchmarks.processes import Running, running, zeta
from agents.sandboxing import remove
from streams import broker
from streams.admin import create_topics
from streams.connecting import connection
from streams.settings import Settings, load
from streams.tables import partitions_of

SERVER_JVM = ("-Xmx1g",)
Sections = Mapping[str, Mapping[str, Any]]

_runs = count()


@dataclass
class Town:
    """One system: its settings, and the file of them that its processes read."""

    settings: Settings
    file: Path
    directory: Path

    @contextmanager
    def role(self, name: str, *arguments: str) -> Iterator[Running]:
        """A role as a process; it may not be ready yet."""
        command = zeta("--config", str(self.file), "run", name, *arguments)
        with running(name, command, self.directory) as process:
            yield process

    async def ends(self, topic: str) -> dict[TopicPartition, int]:
        """One past the last offset of each partition of a topic (without the prefix)."""
        kafka = self.settings.kafka
        partitions = await partitions_of(kafka, kafka.prefix + topic)
        async with _consumer(self.settings) as consumer:
            found: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
            return found

    async def fill(
        self,
        topic: str,
        records: Iterable[tuple[bytes, bytes]],
        timestamps_ms: Iterable[int | None] = repeat(None),
    ) -> int:
        """Appends records (key, value), spread evenly over the partitions; how many they were."""
        kafka = self.settings.kafka
        partitions = await partitions_of(kafka, kafka.prefix + topic)
        producer = AIOKafkaProducer(
            **connection(kafka), acks=1, linger_ms=20, max_batch_size=512 * 1024
        )
        await producer.start()
        total = 0
        try:
            for (key, value), at in zip(records, timestamps_ms, strict=False):
                total += 1
                await producer.send(
                    kafka.prefix + topic,
                    value,
                    key=key,
                    partition=partitions[total % len(partitions)].partition,
                    timestamp_ms=at,
                )
            await producer.flush()
        finally:
            await producer.stop()
        return total


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**connection(settings.kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@dataclass(frozen=True)
class Broker:
    """Where it is; its process id, where it is one of ours."""

    bootstrap: str
    pid: int | None = None


@contextmanager
def kafka(environment: Mapping[str, str] = os.environ) -> Iterator[Broker]:
    """``KAFKA_BOOTSTRAP``, or a broker that lives as long as the block, with a server's JVM."""
    if given := environment.get("KAFKA_BOOTSTRAP"):
        yield Broker(given)
        return
    with broker.ephemeral(jvm=SERVER_JVM) as own:
        yield Broker(own.bootstrap, own.status().pid)


@asynccontextmanager
async def town(bootstrap: str, sections: Sections) -> AsyncIterator[Town]:
    """A system with these sections of settings, and topics that no other has.

    The topics are deleted at the end: those of a run before would slow down the next.
    """
    with tempfile.TemporaryDirectory(prefix="zeta-bench-") as name:
        directory = Path(name)
        prefix = f"bench-{os.getpid()}-{next(_runs)}-"
        kafka = {
            "bootstrap": bootstrap,
            "prefix": prefix,
            "replication": 1,
            "min_in_sync": 1,
            **sections.get("kafka", {}),
        }
        feedback = {"index_dir": str(directory / "index")}
        file = directory / "zeta.toml"
        file.write_text(as_toml({"feedback": feedback, **sections, "kafka": kafka}))
        settings = load(file, {})
        await create_topics(settings)
        try:
            yield Town(settings, file, directory)
        finally:
            await remove(settings)


def as_toml(sections: Sections) -> str:
    """Sections, whose names may have dots, as TOML."""
    lines = []
    for name, section in sections.items():
        lines += [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in section.items()), ""]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{json.dumps(key)} = {_value(v)}' for key, v in value.items())} }}"
    return json.dumps(value)
