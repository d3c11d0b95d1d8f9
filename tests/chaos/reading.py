"""A plain reader of topics, without a group and without any of the product's own reading."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord, TopicPartition

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"
Take: TypeAlias = Callable[[Record], None]
POLL_MS = 500
STUCK_S = 60.0


class Reader:
    """Reads on where it stopped, up to the topics' present ends.

    Args:
        take: by topic, what gets its records, each once, in order per partition.
        prefix: before the topics' names.
    """

    def __init__(self, bootstrap: str, prefix: str, take: Mapping[str, Sequence[Take]]) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer
        self._take = {prefix + topic: takers for topic, takers in take.items()}
        self._partitions: list[TopicPartition] = []

    async def start(self) -> None:
        """Connects, at the beginning of all partitions."""
        self._partitions = await self._find()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=5000,
        )
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)

    async def _find(self) -> list[TopicPartition]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            topics = await admin.describe_topics(list(self._take))
        finally:
            await admin.close()
        return [
            TopicPartition(topic["topic"], row["partition"])
            for topic in topics
            for row in topic["partitions"]
        ]

    async def ends(self) -> dict[TopicPartition, int]:
        """One past the last offset, by partition."""
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(self._partitions)
        return found

    async def catch_up(self) -> None:
        """Reads to where the topics end now.

        Raises:
            TimeoutError: a minute without any progress.
        """
        ends = await self.ends()
        moved_s = time.monotonic()
        while await self._behind(ends):
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
            for partition, records in fetched.items():
                for record in records:
                    for take in self._take[partition.topic]:
                        take(record)
            if fetched:
                moved_s = time.monotonic()
            elif time.monotonic() - moved_s > STUCK_S:
                raise TimeoutError(f"no record for {STUCK_S:g} s, before the topics' ends")

    async def _behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        for partition, end in ends.items():
            if await self._consumer.position(partition) < end:
                return True
        return False

    async def stop(self) -> None:
        """Disconnects."""
        await self._consumer.stop()
