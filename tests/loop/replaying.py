"""Topics to replay from and onto, on a real broker."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from streams.history import LoggedRecord, open_history
from streams.replay.origin import HEADER, Origin, origin_of
from streams.settings import Kafka
from tests.loop.commands import Done, zeta
from tests.loop.system import ROOT

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Copy:
    """What a record says but for where it is: comparable between topics."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def copy(record: LoggedRecord) -> Copy:
    """The record without what a replay adds."""
    kept = tuple((name, content) for name, content in record.headers if name != HEADER)
    return Copy(record.key, record.value, kept)


def origin(record: LoggedRecord) -> Origin:
    """Where a replayed record comes from."""
    found = origin_of(record.headers)
    assert found is not None, record
    return found


class Topics:
    """A prefix on a broker, a settings file that names both, and a producer."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path) -> None:
        self.kafka = Kafka(bootstrap=bootstrap, prefix=prefix)
        self.file = directory / "replay.toml"
        self.log = directory / "replay.log"
        self.file.write_text(f'[kafka]\nbootstrap = "{bootstrap}"\nprefix = "{prefix}"\n')
        self._stack = AsyncExitStack()
        self._producer: AIOKafkaProducer
        self._reader: AIOKafkaConsumer

    async def __aenter__(self) -> Topics:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, acks="all", max_batch_size=2**18
        )
        await self._producer.start()
        self._stack.push_async_callback(self._producer.stop)
        self._reader = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap)
        await self._reader.start()
        self._stack.push_async_callback(self._reader.stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def make(self, topic: str, partitions: int, **configuration: str) -> None:
        """Makes a topic, and returns when it can be written to."""
        named = {name.replace("_", "."): value for name, value in configuration.items()}
        named.setdefault("retention.ms", "-1")
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            await admin.create_topics(
                [NewTopic(self.kafka.prefix + topic, partitions, 1, topic_configs=named)]
            )
        finally:
            await admin.close()
        await self._producer.partitions_for(self.kafka.prefix + topic)

    async def put(self, topic: str, partition: int, rows: Sequence[Fields]) -> None:
        """Writes records: value, key, headers, timestamp_ms."""
        sent = [
            await self._producer.send(self.kafka.prefix + topic, partition=partition, **row)
            for row in rows
        ]
        await asyncio.gather(*sent)

    async def read(self, topic: str) -> dict[int, list[LoggedRecord]]:
        """All records by partition."""
        found: dict[int, list[LoggedRecord]] = {}
        async with open_history(self.kafka, [topic]) as log:
            for number in log.partitions(topic):
                found[number] = []
                async for records in log.read(topic, number):
                    found[number] += records
        return found

    async def count(self, topic: str) -> int:
        """How many records there are."""
        number_of = await self._producer.partitions_for(self.kafka.prefix + topic)
        places = [TopicPartition(self.kafka.prefix + topic, number) for number in number_of]
        return sum((await self._reader.end_offsets(places)).values())

    async def replay(self, *arguments: str) -> Done:
        """Runs ``zeta replay`` to its end."""
        return await zeta(self.file, "replay", *arguments)

    async def replayed(self, *arguments: str) -> dict[str, Any]:
        """Runs ``zeta replay --json``, which must succeed; what it printed."""
        done = await self.replay(*arguments, "--json")
        assert done.code == 0, done
        (outcome,) = done.json()
        return outcome

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Runs ``zeta replay`` as a process that can be killed."""
        command = [sys.executable, "-m", "agents.cli", "--config", str(self.file), "replay"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ZETA_")}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, *arguments],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**environment, "PYTHONPATH": str(ROOT)},
            )


def numbered(count: int, start: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Records that each differ."""
    return [
        {"value": b'{"n": %d}' % number, "key": b"k%d" % (number % 7), **fields}
        for number in range(start, start + count)
    ]
