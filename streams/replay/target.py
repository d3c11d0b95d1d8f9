"""The topic that records are replayed onto, as its broker has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code
from aiokafka.partitioner import murmur2

from streams.connecting import connection
from streams.denials import or_hidden
from streams.replay.problem import ReplayError, ReplayUsageError
from streams.settings import Kafka

_SERVERS = re.compile(r"[^\s/,:]+:[0-9]{1,5}(,[^\s/,:]+:[0-9]{1,5})*")


@dataclass(frozen=True)
class Target:
    """A topic, by its whole name. ``kafka``: its broker. ``broker_time``: it stamps records."""

    kafka: Kafka
    cluster: str
    topic: str
    partitions: Sequence[int]
    max_message_bytes: int
    broker_time: bool

    def partition_for(self, source: int, key: bytes | None, *, by_key: bool) -> int:
        """The source's number, modulo the count; by key as Kafka's clients choose."""
        if by_key and key is not None:
            return int(murmur2(key) & 0x7FFFFFFF) % len(self.partitions)
        return source % len(self.partitions)


async def find_topic(kafka: Kafka, topic: str, argument: str) -> Target:
    """The topic of this whole name; ``argument`` is what named it. Makes nothing.

    Raises:
        ReplayError: it isn't there.
        KafkaError: the broker doesn't answer.
    """
    admin = AIOKafkaAdminClient(**connection(kafka))
    try:
        await admin.start()
        cluster = (await admin.describe_cluster())["cluster_id"]
        # All topics: asking for one by name would make it on a broker that makes topics by itself.
        rows = {row["topic"]: row for row in await admin.describe_topics()}
        partitions = sorted(row["partition"] for row in rows.get(topic, {}).get("partitions", ()))
        if not partitions:
            raise ReplayError(
                f"{argument}: topic {topic} does not exist on {kafka.bootstrap}"
                f"{or_hidden(kafka)}; make it (`zeta topics create` makes those of the settings), "
                "or name another"
            )
        values = await _configuration(admin, topic)
    finally:
        await admin.close()
    return Target(
        kafka=kafka,
        cluster=str(cluster),
        topic=topic,
        partitions=partitions,
        max_message_bytes=int(values["max.message.bytes"]),
        broker_time=values["message.timestamp.type"] == "LogAppendTime",
    )


async def _configuration(admin: AIOKafkaAdminClient, topic: str) -> dict[str, Any]:
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((code, _, _, _, entries),) = answer.resources
    if code:
        raise for_code(code)(topic)
    return {entry[0]: entry[1] for entry in entries}


def checked_servers(text: str | None) -> str | None:
    """The same ``--to-bootstrap``.

    Raises:
        ReplayUsageError: it is no address.
    """
    if text is not None and not _SERVERS.fullmatch(text):
        raise ReplayUsageError(
            f"--to-bootstrap {text!r}: must be HOST:PORT, or several with commas between"
        )
    return text
