"""A place to measure in: a broker, settings of its own, topics, and ways to fill and watch them."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import TopicPartition

from agents.benchmarks.processes import BenchError, Running, running, zeta
from streams import broker
from streams.admin import create_topics
from streams.connecting import connection
from streams.settings import Settings, load
from streams.tables import partitions_of

SERVER_JVM = ("-Xmx1g",)
POLL_S = 0.02
STALLED_S = 60.0
Sections = Mapping[str, Mapping[str, Any]]

_runs = count()


@dataclass
class Town:
    """One system: its settings, and the file of them that its processes read."""

    settings: Settings
    file: Path
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def role(self, name: str, *arguments: str) -> Iterator[Running]:
        """A role as a process; it may not be ready yet."""
        command = zeta("--config", str(self.file), "run", name, *arguments)
        with running(name, command, self.directory, {**os.environ, **self.environment}) as process:
            yield process

    async def ends(self, topic: str) -> dict[TopicPartition, int]:
        """One past the last offset of each partition of a topic (without the prefix)."""
        kafka = self.settings.kafka
        partitions = await partitions_of(kafka, kafka.prefix + topic)
        async with _consumer(self.settings) as consumer:
            found: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
            return found

    async def fill(self, topic: str, records: Iterable[tuple[bytes, bytes]]) -> int:
        """Appends records (key, value), spread evenly over the partitions; how many they were."""
        kafka = self.settings.kafka
        partitions = await partitions_of(kafka, kafka.prefix + topic)
        producer = AIOKafkaProducer(
            **connection(kafka), acks=1, linger_ms=20, max_batch_size=512 * 1024
        )
        await producer.start()
        total = 0
        try:
            for total, (key, value) in enumerate(records, start=1):
                partition = partitions[total % len(partitions)].partition
                await producer.send(kafka.prefix + topic, value, key=key, partition=partition)
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


@dataclass
class Progress:
    """Instants (seconds, monotonic) and how many records were done by then."""

    samples: list[tuple[float, int]] = field(default_factory=list)

    def rate(self, total: int, skip: float = 0.1) -> float:
        """Records per second, without the first ``skip`` of them, in which a process warms up."""
        first = next(sample for sample in self.samples if sample[1] >= skip * total)
        last = next(sample for sample in self.samples if sample[1] >= total)
        if last[0] <= first[0]:
            raise BenchError("too few records for a rate; ask for more")
        return (last[1] - first[1]) / (last[0] - first[0])


async def committed(town: Town, group: str, total: int, watched: Running) -> Progress:
    """Follows a group's commits until ``total`` records are committed.

    Raises:
        BenchError: the process ended, or nothing was committed for a minute.
    """
    progress = Progress()
    admin = AIOKafkaAdminClient(**connection(town.settings.kafka))
    await admin.start()
    try:
        moved_s, done = time.monotonic(), -1
        while done < total:
            watched.check()
            found = await _sum(admin, town.settings.kafka.prefix + group)
            now_s = time.monotonic()
            if found > done:
                moved_s, done = now_s, found
            elif now_s - moved_s > STALLED_S:
                raise BenchError(f"{group} stands still at {done} of {total}")
            progress.samples.append((now_s, found))
            await asyncio.sleep(POLL_S)
    finally:
        await admin.close()
    return progress


async def _sum(admin: AIOKafkaAdminClient, group: str) -> int:
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:  # of a new broker's first group
        return 0
    return sum(max(0, row.offset) for row in offsets.values())


@contextmanager
def kafka(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """``KAFKA_BOOTSTRAP``, or a broker that lives as long as the block, with a server's JVM."""
    if given := environment.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with broker.ephemeral(jvm=SERVER_JVM) as own:
        yield own.bootstrap


@asynccontextmanager
async def town(bootstrap: str, sections: Sections) -> AsyncIterator[Town]:
    """A system with these sections of settings, and topics that no other has."""
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
        yield Town(settings, file, directory)


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
