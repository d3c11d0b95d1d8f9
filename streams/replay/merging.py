"""Partitions read side by side: the order of each kept, and the oldest next record first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

from streams.history import Log, LoggedRecord
from streams.replay.ranges import Range

Run = tuple[int, Sequence[LoggedRecord]]


@dataclass
class _Reader:
    """One partition; ``head`` is the time of its next record."""

    partition: int
    end: int
    batches: AsyncIterator[Sequence[LoggedRecord]]
    records: Sequence[LoggedRecord] = ()
    index: int = 0
    head: int = field(default=0)

    async def fill(self) -> bool:
        """Has a next record; False at the end of the range."""
        while self.index >= len(self.records):
            try:
                self.records, self.index = await anext(self.batches), 0
            except StopAsyncIteration:
                return False
        record = self.records[self.index]
        self.head = record.timestamp
        return record.offset < self.end

    def take(self, until: int | None) -> Sequence[LoggedRecord]:
        """The next records that are no later than ``until``, at least one."""
        start = self.index
        self.index += 1
        while self.index < len(self.records):
            record = self.records[self.index]
            if record.offset >= self.end or (until is not None and record.timestamp > until):
                break
            self.index += 1
        return self.records[start : self.index]


async def merged(log: Log, topic: str, ranges: Iterable[Range]) -> AsyncGenerator[Run, None]:
    """Runs of records of one partition, in offset order per partition.

    Of the partitions' next records the oldest comes first. Memory: a batch per partition.
    """
    async with AsyncExitStack() as stack:
        readers = []
        for one in ranges:
            if one.start < one.end:
                batches = log.read(topic, one.partition, one.start)
                await stack.enter_async_context(aclosing(batches))  # type: ignore[type-var]
                readers.append(_Reader(one.partition, one.end, batches))
        readers = [reader for reader in readers if await reader.fill()]
        while readers:
            readers.sort(key=lambda reader: (reader.head, reader.partition))
            reader = readers[0]
            yield reader.partition, reader.take(readers[1].head if len(readers) > 1 else None)
            if not await reader.fill():
                readers.pop(0)
