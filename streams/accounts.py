"""The partitions that a member owns, with what was handed out of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from aiokafka.structs import TopicPartition

from streams.progress import Progress


class Accounts(dict[TopicPartition, Progress]):
    """By partition: its progress under the present assignment. Pure; no I/O."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    @property
    def bytes(self) -> int:
        """What is held of all of them together."""
        return sum(own.bytes for own in self.values())

    def with_less_than(self, count: int) -> list[TopicPartition]:
        """Those with fewer records that hold the commit back."""
        return [partition for partition, own in self.items() if len(own) < count]

    def in_flight(self) -> dict[tuple[str, ...], float]:
        """By topic, without the prefix: how many records were handed out and aren't done."""
        found: Counter[tuple[str, ...]] = Counter()
        for partition, own in self.items():
            found[(self.plain(partition.topic),)] += len(own)
        return dict(found)

    def lag(
        self, ends: Mapping[TopicPartition, int], positions: Mapping[TopicPartition, int]
    ) -> dict[tuple[str, ...], float]:
        """By topic and partition: how many records before the end aren't done.

        Args:
            ends: where the partitions end.
            positions: what is read next, for a partition of which nothing was handed out yet.
        """
        found: dict[tuple[str, ...], float] = {}
        for partition, own in self.items():
            reached = positions.get(partition) if own.reached is None else own.reached
            if reached is not None and partition in ends:
                labels = (self.plain(partition.topic), str(partition.partition))
                found[labels] = max(0, ends[partition] - reached)
        return found

    def plain(self, topic: str) -> str:
        """The topic's name without the prefix."""
        return topic.removeprefix(self._prefix)
