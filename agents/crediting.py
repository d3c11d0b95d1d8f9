"""Feedback finds the answer that it is about, whichever of the two comes first.

Each owned partition has an index (``agents.answer_index``) of ``responses`` and ``feedback`` of
the last 7 days. Of an answer and its feedback, the one that is handled later sends the judgement,
before its commit. So what a new owner must know is all before the commits, and that can be read
again: nothing depends on the file's survival.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import TopicPartition

from agents.answer_index import AnswerIndex
from agents.index_home import IndexHome
from agents.partition_index import KEPT_MS, PartitionIndex
from streams.clock import NowMs
from streams.patience import commits_of
from streams.settings import Kafka
from streams.tables import partitions_of

logger = logging.getLogger(__name__)

TOPICS = ("responses", "feedback")

OpenHome: TypeAlias = Callable[[], IndexHome]


class LayoutError(RuntimeError):
    """``responses`` and ``feedback`` don't have equally many partitions."""


def home_of(query_id: str, partitions: int) -> int:
    """The partition, of so many, in which our own producer puts what has this key."""
    numbers = list(range(partitions))
    home: int = DefaultPartitioner()(query_id.encode(), numbers, numbers)
    return home


class Crediting:
    """The indexes of the partitions that this process owns, by their number.

    Args:
        group: the consumer group whose commits count, without the prefix.
        open_home: called at the first assignment, so that a process without work locks nothing.
    """

    def __init__(self, kafka: Kafka, group: str, open_home: OpenHome, now_ms: NowMs) -> None:
        self._kafka = kafka
        self._group = kafka.prefix + group
        self._open_home = open_home
        self._home: IndexHome | None = None
        self._behind: list[Coroutine[Any, Any, None]] = []
        self._now_ms = now_ms
        self.partitions = 0
        self.owned: dict[int, PartitionIndex] = {}

    async def seek(
        self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Opens the indexes of newly assigned partitions; returns where each starts to read.

        Raises:
            LayoutError: an answer and its feedback would be of different partitions.
            TopicMissingError: one of the two isn't there.
        """
        self.partitions = await self._count_partitions(consumer)
        commits = await self._commits(assigned)
        beginnings = await consumer.beginning_offsets(list(assigned))
        ends = await consumer.end_offsets(list(assigned))
        starts = {tp: max(commits.get(tp, 0), beginnings[tp]) for tp in assigned}
        for number in sorted({tp.partition for tp in assigned}):
            self._own(number, starts, ends)
        return starts

    def _own(
        self, number: int, starts: dict[TopicPartition, int], ends: dict[TopicPartition, int]
    ) -> None:
        if self._home is None:
            self._home = self._open_home()
        index = AnswerIndex(self._home.path / f"{number}.sqlite")
        self.owned[number] = owned = PartitionIndex(index, self._kafka)
        pair = [TopicPartition(self._kafka.prefix + topic, number) for topic in TOPICS]
        if any(tp not in starts for tp in pair):
            # While older graders, which read one topic, are replaced: the next assignment mends it.
            logger.warning("partition %s: only one topic of two is ours; it waits", number)
            return
        owned.check({tp: ends[tp] for tp in pair})
        answers, feedback = ((tp, starts[tp]) for tp in pair)
        since_at = self._now_ms() - KEPT_MS
        self._behind.append(owned.catch_up(answers, feedback, since_at))

    def catch_ups(self) -> list[Coroutine[Any, Any, None]]:
        """What the last assignment began, to be run beside the work; it must not fail unseen."""
        behind, self._behind = self._behind, []
        return behind

    async def _count_partitions(self, consumer: AIOKafkaConsumer) -> int:
        counts = {}
        for name in (self._kafka.prefix + topic for topic in TOPICS):
            known = consumer.partitions_for_topic(name)
            counts[name] = len(known or await partitions_of(self._kafka, name))
        if len(set(counts.values())) > 1:
            told = " and ".join(f"{name} has {count}" for name, count in counts.items())
            raise LayoutError(f"{told} partitions; give them equally many")
        return next(iter(counts.values()))

    async def _commits(self, assigned: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        found = await commits_of(self._kafka, self._group, set(assigned))
        return {tp: commit.offset for tp, commit in found.items()}

    def forget(self, revoked: set[TopicPartition]) -> None:
        """Closes the indexes of partitions that another process owns now."""
        for number in {tp.partition for tp in revoked}:
            if (owned := self.owned.pop(number, None)) is not None:
                owned.close()

    def close(self) -> None:
        """Closes all, and leaves the directory to others."""
        for owned in self.owned.values():
            owned.close()
        self.owned.clear()
        if self._home is not None:
            self._home.close()
