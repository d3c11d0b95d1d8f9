"""What the topic table asks of a broker, and how what the broker has differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from streams.settings import Kafka, Settings
from streams.topics import Topic, topic_table

_BROKER_MESSAGE_BYTES = 1_048_588  # Kafka's own default of max.message.bytes
_BATCH_OVERHEAD_BYTES = 1024
_MIN_IN_SYNC = "min.insync.replicas"


@dataclass(frozen=True)
class TopicReport:
    """One topic of the table (``name`` has the prefix) and what the broker has.

    ``differences`` say what was expected and found. ``partitions`` and ``replication`` are the
    broker's, or those wanted when the topic is missing.
    """

    name: str
    state: Literal["created", "ok", "missing", "differs"]
    partitions: int
    replication: int
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class WantedTopic:
    """A topic as it is to be; a smaller cluster gives fewer replicas, a larger one up to most."""

    name: str
    partitions: int
    replication: int
    most_replication: int
    most_in_sync: int
    configuration: Mapping[str, str]


@dataclass(frozen=True)
class FoundTopic:
    """A topic as the broker has it; ``ready`` when each partition has a leader."""

    partitions: int
    replication: int
    ready: bool


def wanted_topics(settings: Settings, brokers: int) -> list[WantedTopic]:
    """The table for a cluster of that many brokers."""
    kafka = settings.kafka
    replication = min(kafka.replication, brokers)
    in_sync = min(kafka.min_in_sync, replication)
    return [
        WantedTopic(
            name=kafka.prefix + row.name,
            partitions=row.partitions or kafka.partitions,
            replication=replication,
            most_replication=kafka.replication,
            most_in_sync=kafka.min_in_sync,
            configuration=_configuration(row, kafka) | {_MIN_IN_SYNC: str(in_sync)},
        )
        for row in topic_table(settings.models)
    ]


def _configuration(row: Topic, kafka: Kafka) -> dict[str, str]:
    """The row's own, and room for the largest record (in base64 in the dead letters)."""
    configuration = row.configuration(sandbox=kafka.sandbox)
    share = 2 if row.name == "dead-letters" else 1
    room = share * kafka.max_record_bytes + _BATCH_OVERHEAD_BYTES
    given = int(configuration.get("max.message.bytes", _BROKER_MESSAGE_BYTES))
    if kafka.max_record_bytes >= _BROKER_MESSAGE_BYTES and room > given:
        configuration["max.message.bytes"] = str(room)
    return configuration


def report(
    wanted: WantedTopic, found: FoundTopic | None, values: Mapping[str, str | None]
) -> TopicReport:
    """What the broker has of a topic; ``values`` is its configuration as applied."""
    if found is None:
        return TopicReport(wanted.name, "missing", wanted.partitions, wanted.replication)
    differences = tuple(_differences(wanted, found, values))
    state: Literal["differs", "ok"] = "differs" if differences else "ok"
    return TopicReport(wanted.name, state, found.partitions, found.replication, differences)


def _differences(
    wanted: WantedTopic, found: FoundTopic, values: Mapping[str, str | None]
) -> Iterable[str]:
    if found.partitions != wanted.partitions:
        yield f"partitions: expected {wanted.partitions}, found {found.partitions}"
    # A broker that is down takes what is expected down, not what there is.
    if not wanted.replication <= found.replication <= wanted.most_replication:
        yield f"replication: expected {wanted.replication}, found {found.replication}"
    for key, expected in wanted.configuration.items():
        value = values.get(key)
        if key == _MIN_IN_SYNC and value and int(expected) <= int(value) <= wanted.most_in_sync:
            continue
        if value != expected:
            yield f"{key}: expected {expected}, found {value}"
