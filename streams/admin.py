"""The topic table against the broker: make what is missing, report what differs, alter nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    RequestTimedOutError,
    TopicAlreadyExistsError,
    for_code,
)

from streams.connecting import connection
from streams.denials import or_hidden
from streams.diagnosing import refusal
from streams.patience import once_heard_of, patiently
from streams.settings import Kafka, Settings
from streams.topic_drift import FoundTopic, TopicReport, WantedTopic, report, wanted_topics

__all__ = [
    "BrokerRefusedError",
    "BrokerUnreachable",
    "TopicRefusedError",
    "TopicReport",
    "create_topics",
    "list_topics",
    "require_broker",
]

CONNECT_S = 8.0
READY_S = 30.0
_POLL_S = 0.05
_NO_ANSWER = (
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    RequestTimedOutError,
    TimeoutError,
)


class BrokerUnreachable(RuntimeError):  # noqa: N818
    """No broker answers at ``kafka.bootstrap``, or the addresses that it gives don't."""


class BrokerRefusedError(BrokerUnreachable):
    """A broker is there and won't talk to us: the message names the setting to look at."""


class TopicRefusedError(RuntimeError):
    """The broker won't make a topic, or made it and it has no leader in time."""


async def require_broker(kafka: Kafka) -> None:
    """Returns once the broker has answered.

    Raises:
        BrokerUnreachable: within about 10 s; ``BrokerRefusedError`` where security is the reason.
    """
    async with _admin(kafka):
        pass


async def create_topics(settings: Settings) -> list[TopicReport]:
    """Makes the topics that are missing and reports on all, in the table's order.

    It returns when all of them have leaders. An existing topic is compared and left alone; it
    doesn't matter who else creates the same topics meanwhile.

    Raises:
        BrokerUnreachable: within about 10 s.
        TopicRefusedError: the broker's own reason, by topic.
    """
    async with _admin(settings.kafka) as admin:
        wanted = await _wanted(admin, settings)
        there = await _found(admin)
        created = await _create(admin, [topic for topic in wanted if topic.name not in there])
        await _ready(admin, [topic.name for topic in wanted])
        reports = await _reports(admin, wanted)
        return [replace(row, state="created") if row.name in created else row for row in reports]


async def list_topics(settings: Settings) -> list[TopicReport]:
    """Compares the table with the broker and changes nothing.

    Raises:
        BrokerUnreachable: within about 10 s.
    """
    async with _admin(settings.kafka) as admin:
        reports = await _reports(admin, await _wanted(admin, settings))
    if hidden := or_hidden(settings.kafka):
        why = (f"not there{hidden}",)
        return [replace(x, differences=why) if x.state == "missing" else x for x in reports]
    return reports


@asynccontextmanager
async def _admin(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection(kafka), request_timeout_ms=int(CONNECT_S * 1000))
    try:
        async with asyncio.timeout(CONNECT_S):
            await admin.start()
            # The addresses that the broker gives are others than the one that answered.
            await patiently(admin.describe_cluster, CONNECT_S / 2)
        yield admin
    except _NO_ANSWER as error:
        if isinstance(error, KafkaConnectionError) and (why := await refusal(kafka)):
            raise BrokerRefusedError(why) from error
        reason = str(error) or "it doesn't speak in time"
        raise BrokerUnreachable(
            f"no Kafka broker answers at {kafka.bootstrap} (kafka.bootstrap): {reason}"
        ) from error
    finally:
        await admin.close()


async def _wanted(admin: AIOKafkaAdminClient, settings: Settings) -> list[WantedTopic]:
    return wanted_topics(settings, len((await admin.describe_cluster())["brokers"]))


async def _create(admin: AIOKafkaAdminClient, missing: Iterable[WantedTopic]) -> set[str]:
    """Makes the topics; returns those that were not made by someone else meanwhile."""
    new = [
        NewTopic(
            topic.name,
            topic.partitions,
            topic.replication,
            topic_configs=dict(topic.configuration),
        )
        for topic in missing
    ]
    if not new:
        return set()
    answer = await admin.create_topics(new)
    refused = {
        name: message
        for name, code, message in answer.topic_errors
        if code not in (0, TopicAlreadyExistsError.errno)
    }
    if refused:
        reasons = "; ".join(f"{name}: {message}" for name, message in sorted(refused.items()))
        raise TopicRefusedError(f"the broker refuses to make {reasons}")
    return {name for name, code, _ in answer.topic_errors if code == 0}


async def _ready(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """Waits until every broker that is asked knows every topic and its leaders."""
    waiting = names
    try:
        async with asyncio.timeout(READY_S):
            while waiting:
                found = await _found(admin)
                waiting = [name for name in names if name not in found or not found[name].ready]
                if waiting:
                    await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        raise TopicRefusedError(
            f"no leader after {READY_S:g} s for {', '.join(waiting)}; see the broker's log"
        ) from error


async def _found(admin: AIOKafkaAdminClient) -> dict[str, FoundTopic]:
    # All topics: asking for one by name would make it on a broker that makes topics by itself.
    topics = await admin.describe_topics()
    return {row["topic"]: _describe(row) for row in topics if not row["error_code"]}


def _describe(row: Mapping[str, Any]) -> FoundTopic:
    partitions = row["partitions"]
    return FoundTopic(
        partitions=len(partitions),
        replication=min((len(partition["replicas"]) for partition in partitions), default=0),
        ready=bool(partitions) and all(partition["leader"] >= 0 for partition in partitions),
    )


async def _reports(admin: AIOKafkaAdminClient, wanted: list[WantedTopic]) -> list[TopicReport]:
    found = await _found(admin)
    values = await _configurations(admin, [row.name for row in wanted if row.name in found])
    return [report(row, found.get(row.name), values.get(row.name, {})) for row in wanted]


async def _configurations(
    admin: AIOKafkaAdminClient, names: list[str]
) -> dict[str, dict[str, str | None]]:
    """The topics' configurations as the broker applies them, by topic."""
    return await once_heard_of(lambda: _configurations_now(admin, names)) if names else {}


async def _configurations_now(
    admin: AIOKafkaAdminClient, names: list[str]
) -> dict[str, dict[str, str | None]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = await admin.describe_configs(asked)
    found = {}
    for answer in answers:
        for code, _, _, name, entries in answer.resources:
            if code:
                raise for_code(code)(name)
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found
