"""What an agent is given: some records of one partition, and the means to say what is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from aiokafka.structs import ConsumerRecord, TopicPartition
from faust import App, StreamT

from streams.progress import Progress
from streams.tracing import Handling, Tracing

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, in offset order, as handed to an agent.

    Call ``begin`` before work; when it says False the partition has gone to another owner and the
    records must be left alone. Call ``finish`` for each record once its effects are sent; send
    those within ``handling``.
    """

    partition: TopicPartition
    records: Sequence[Record]
    _progress: Progress
    _changed: asyncio.Event
    _group: str = ""
    _tracing: Tracing = field(default_factory=Tracing)

    def handling(self, record: Record | None = None) -> Handling:
        """A block in which what is sent, logged or called is known to be because of a record.

        That is this one, or (None) each that it is told to ``take``.
        """
        handling = Handling(self._tracing, self._group)
        if record is not None:
            handling.take(record)
        return handling

    async def within(
        self, record: Record, handle: Callable[[Batch, Record], Awaitable[None]]
    ) -> None:
        """Calls ``handle`` with this batch and the record, in a block of ``handling``."""
        with self.handling(record):
            await handle(self, record)

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


class _Intake(Protocol):
    """What ``attach`` needs of ``streams.consuming.Intake``."""

    channel: Any
    crashed: bool

    async def crash(self, reason: BaseException) -> None: ...


def attach(app: App, intake: _Intake, handle: Callable[[Batch], Awaitable[None]]) -> None:
    """Declares the role's Faust agent: each batch goes to ``handle``, in order of arrival.

    ``handle`` claims and finishes records itself. If it raises, nothing of the batch that isn't
    finished is ever committed: the process ends, and the next start reads it again.
    """

    async def agent(batches: StreamT[Batch]) -> None:
        async for batch in batches:
            if intake.crashed:
                return
            try:
                await handle(batch)
            except Exception as error:
                await intake.crash(error)
                raise

    app.agent(intake.channel, name=f"{app.conf.id}-agent")(agent)
