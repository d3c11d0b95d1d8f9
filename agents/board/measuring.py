"""Asks the broker each second where the topics end, and now and then how far the groups are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from mode import Service

from agents.board.flow import Lags, lag
from streams.clock import loop_s
from streams.connecting import connection
from streams.settings import Settings
from streams.tables import partitions_of
from streams.topics import model_topic, topic_table

logger = logging.getLogger(__name__)

EVERY_S = 1.0
LAGS_EVERY = 3
"""The groups are asked each so many times that the ends are."""
PATIENCE_S = 8.0
SILENT_S = 15.0

Ends = dict[str, dict[int, int]]
PutFlow = Callable[[float, Mapping[str, int], Lags | None], None]


def watched_groups(settings: Settings) -> dict[str, list[str]]:
    """Each role's group, and the topics that it reads; all without the prefix."""
    groups = {
        "router": ["queries", "reroutes"],
        **{f"worker-{name}": [model_topic(name)] for name in settings.models},
        "grader": ["responses", "feedback"],
        "aggregator": ["metrics"],
        "tuner": ["scores", "controls"],
    }
    if settings.archive.directory:
        every = [row.name for row in topic_table(settings.models)]
        groups["archiver"] = settings.archive.topics or every
    return groups


class Measurer(Service):
    """The ends of all topics that the page draws, as sums, and the lags of the roles' groups.

    The lag of a group that a principal may not see is None.

    Raises:
        TopicMissingError: at start, when a topic isn't there.
    """

    def __init__(self, settings: Settings, put: PutFlow) -> None:
        super().__init__()
        self._kafka = settings.kafka
        self._groups = watched_groups(settings)
        self._topics = drawn_topics(settings)
        self._put = put
        self._partitions: dict[str, list[int]] = {}
        self._firsts: Ends = {}
        self._answered_s: float | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    def unready(self) -> str | None:
        """Why the rates aren't those of now; None: they are."""
        if self._answered_s is None:
            return "the broker has not answered yet"
        silent_s = loop_s() - self._answered_s
        return f"the broker has not answered for {silent_s:.0f} s" if silent_s > SILENT_S else None

    async def on_start(self) -> None:
        prefix = self._kafka.prefix
        for topic in self._topics:
            found = await partitions_of(self._kafka, prefix + topic)
            self._partitions[topic] = [one.partition for one in found]
        self._consumer = AIOKafkaConsumer(**connection(self._kafka), enable_auto_commit=False)
        await self._consumer.start()
        self._admin = AIOKafkaAdminClient(**connection(self._kafka))
        await self._admin.start()
        self._consumer.assign(self._named(self._topics))
        self._consumer.pause(*self._consumer.assignment())

    async def on_stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
        if self._admin is not None:
            await self._admin.close()

    def _named(self, topics: Iterable[str]) -> list[TopicPartition]:
        prefix = self._kafka.prefix
        return [
            TopicPartition(prefix + topic, number)
            for topic in topics
            for number in self._partitions[topic]
        ]

    @Service.task
    async def _measure(self) -> None:
        turn = 0
        async for _ in self.itertimer(EVERY_S, name="measure"):
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._once(with_lags=turn % LAGS_EVERY == 0)
            except (KafkaError, TimeoutError) as error:
                logger.debug("the broker doesn't say where its topics end: %r", error)
                continue
            turn += 1

    async def _once(self, *, with_lags: bool) -> None:
        assert self._consumer is not None
        ends = self._by_topic(await self._consumer.end_offsets(self._named(self._topics)))
        self._answered_s = at_s = loop_s()
        if with_lags or not self._firsts:
            firsts = await self._consumer.beginning_offsets(self._named(self._topics))
            self._firsts = self._by_topic(firsts)
        totals = {topic: sum(rows.values()) for topic, rows in ends.items()}
        self._put(at_s, totals, None)
        if with_lags:  # they may take long, where a coordinator moves
            self._put(at_s, totals, await self._lags(ends))

    def _by_topic(self, offsets: Mapping[TopicPartition, int]) -> Ends:
        found: Ends = {}
        for partition, offset in offsets.items():
            topic = partition.topic.removeprefix(self._kafka.prefix)
            found.setdefault(topic, {})[partition.partition] = offset
        return found

    async def _lags(self, ends: Ends) -> dict[str, dict[str, int | None]]:
        rows = await asyncio.gather(*(self._lag_of(group, ends) for group in self._groups))
        return dict(zip(self._groups, rows, strict=True))

    async def _lag_of(self, group: str, ends: Ends) -> dict[str, int | None]:
        topics = self._groups[group]
        commits = await self._commits(group, topics)
        if commits is None:
            return dict.fromkeys(topics)
        return {
            topic: lag(ends[topic], commits.get(topic, {}), self._firsts[topic]) for topic in topics
        }

    async def _commits(self, group: str, topics: Iterable[str]) -> Ends | None:
        """What the group has committed; None where nobody tells."""
        assert self._admin is not None
        wanted = self._named(topics)
        try:
            found: Mapping[TopicPartition, Any] = await _asked(
                self._admin.list_consumer_group_offsets(
                    self._kafka.prefix + group, partitions=wanted
                )
            )
        except KafkaError as error:
            logger.debug("the offsets of group %s: %r", group, error)
            return None
        if not found.keys() >= set(wanted):
            return None  # an error of the whole group looks like no commits at all
        return self._by_topic({partition: one.offset for partition, one in found.items()})


async def _asked(answer: Awaitable[Any]) -> Any:
    return await answer


def drawn_topics(settings: Settings) -> list[str]:
    """The topics whose ends are asked for."""
    groups = watched_groups(settings)
    others = ["rules", "dead-letters"]
    return list(dict.fromkeys([*(name for names in groups.values() for name in names), *others]))
