"""Asking a cluster of which a node may be down, or whose leaders are moving."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.connecting import connection
from streams.settings import Kafka

T = TypeVar("T")

NOT_YET_S = (0.1, 0.3, 0.6)
"""Pauses: a node that is asked just after a topic was made may not have heard of it yet."""

PATIENCE_S = 20.0
PAUSE_S = 0.2


async def patiently(ask: Callable[[], Awaitable[T]], within_s: float = PATIENCE_S) -> T:
    """The answer; asks again while the reason for none is one that passes.

    aiokafka's admin client asks a node at random, and doesn't try another when that one is down.

    Raises:
        KafkaError: the last one after ``within_s``, any other at once.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + within_s
    while True:
        try:
            return await ask()
        except KafkaError as error:
            if not error.retriable or clock() >= deadline:
                raise
        await asyncio.sleep(PAUSE_S)


async def once_heard_of(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer; asks again, for about a second, while it is that there is no such topic.

    Raises:
        UnknownTopicOrPartitionError: there is none, then.
    """
    for pause_s in NOT_YET_S:
        try:
            return await ask()
        except UnknownTopicOrPartitionError:
            await asyncio.sleep(pause_s)
    return await ask()


async def commits_of(
    kafka: Kafka, group: str, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """What a group, named with the prefix, has committed; offset -1 where it has nothing.

    Raises:
        KafkaError: nobody can tell.
    """
    admin = AIOKafkaAdminClient(**connection(kafka))
    wanted = list(partitions)

    async def ask() -> dict[TopicPartition, OffsetAndMetadata]:
        found: dict[TopicPartition, OffsetAndMetadata]
        found = await admin.list_consumer_group_offsets(group, partitions=wanted)
        # An error of the whole group, as while its coordinator moves, looks like no commits at
        # all (aiokafka 0.14): who believed that would begin at the beginning.
        if not found.keys() >= set(wanted):
            raise GroupCoordinatorNotAvailableError(group)
        return found

    await admin.start()
    try:
        return await patiently(ask) if wanted else {}
    finally:
        await admin.close()
