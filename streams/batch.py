"""What an agent is given: some records of one partition, and the means to say what is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aiokafka.structs import ConsumerRecord, TopicPartition

from streams.progress import Progress

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, in offset order, as handed to an agent.

    Call ``begin`` before work; when it says False the partition has gone to another owner and the
    records must be left alone. Call ``finish`` for each record once its effects are sent.
    """

    partition: TopicPartition
    records: Sequence[Record]
    _progress: Progress
    _changed: asyncio.Event

    def begin(self, count: int | None = None) -> bool:
        """Claims ``count`` records (None: all of them)."""
        return self._progress.begin(len(self.records) if count is None else count)

    def finish(self, *records: Record) -> None:
        """Marks these records, or all when none is named, as done."""
        self._progress.finish(record.offset for record in records or self.records)
        self._changed.set()

    def anchor(self, offset: int, metadata: str = "") -> None:
        """From now on commits ``offset``: the role's own state says where to resume."""
        self._progress.anchor(offset, metadata)
        self._changed.set()

    @property
    def revoked(self) -> bool:
        """Whether the partition has gone to another owner."""
        return self._progress.closed
