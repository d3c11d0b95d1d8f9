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
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import TopicPartition

from agents.answer_index import AnswerIndex
from agents.index_home import IndexHome
from agents.partition_index import KEPT_MS, PartitionIndex
from streams.clock import NowMs
from streams.settings import Kafka
from streams.tables import partitions_of

logger = logging.getLogger(__name__)

TOPICS = ("responses", "feedback")

Start: TypeAlias = Callable[[Coroutine[Any, Any, None]], object]
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
        group: the consumer group whose commits count, with the prefix.
        open_home: called at the first assignment, so that a process without work locks nothing.
        start: runs something beside the work; what it raises must end the process.
    """

    def __init__(
        self, kafka: Kafka, group: str, open_home: OpenHome, start: Start, now_ms: NowMs
    ) -> None:
        self._kafka = kafka
        self._group = group
        self._open_home = open_home
        self._home: IndexHome | None = None
        self._start = start
        self._now_ms = now_ms
        self.partitions = 0
        self.owned: dict[int, PartitionIndex] = {}

    async def seek(
        self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Opens the indexes of newly assigned partitions; returns where each starts to read.

        Raises:
            LayoutError: an answer and its feedback would be of different partitions.
        """
        self.partitions = await self._count_partitions()
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
        owned = PartitionIndex(AnswerIndex(self._home.path / f"{number}.sqlite"))
        self.owned[number] = owned
        pair = [TopicPartition(self._kafka.prefix + topic, number) for topic in TOPICS]
        if any(tp not in starts for tp in pair):
            # While older graders, which read one topic, are replaced: the next assignment mends it.
            logger.warning("partition %s: only one topic of two is ours; it waits", number)
            return
        owned.check({tp: ends[tp] for tp in pair})
        answers, feedback = ((tp, starts[tp]) for tp in pair)
        since_at = self._now_ms() - KEPT_MS
        self._start(owned.catch_up(self._kafka, answers, feedback, since_at))

    async def _count_partitions(self) -> int:
        prefix = self._kafka.prefix
        answers, feedback = [len(await partitions_of(self._kafka, prefix + row)) for row in TOPICS]
        if answers != feedback:
            raise LayoutError(
                f"{prefix}responses has {answers} partitions and {prefix}feedback has {feedback}; "
                "give them equally many"
            )
        return answers

    async def _commits(self, assigned: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka.bootstrap)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(self._group, partitions=list(assigned))
        finally:
            await admin.close()
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
