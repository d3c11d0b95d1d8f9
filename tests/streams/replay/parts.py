"""A log in memory, and somewhere to send to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from streams.history import LoggedRecord
from streams.replay.origin import Headers
from streams.replay.target import Target
from streams.settings import Kafka


@dataclass(frozen=True)
class Rec:
    """A record in memory."""

    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = b"{}"
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass
class ListLog:
    """One topic's partitions as lists, read in batches of two."""

    rows: dict[int, list[Rec]]

    def partitions(self, topic: str) -> Sequence[int]:
        assert topic
        return sorted(self.rows)

    def beginning(self, topic: str, partition: int) -> int:
        assert topic
        return self.rows[partition][0].offset if self.rows[partition] else 0

    def end(self, topic: str, partition: int) -> int:
        assert topic
        return self.rows[partition][-1].offset + 1 if self.rows[partition] else 0

    async def read(
        self, topic: str, partition: int, start: int | None = None
    ) -> AsyncIterator[Sequence[Rec]]:
        assert topic
        rows = [row for row in self.rows[partition] if row.offset >= (start or 0)]
        for index in range(0, len(rows), 2):
            yield rows[index : index + 2]


@dataclass
class Kept:
    """A sender that keeps what it gets: target partition, record, timestamp, headers."""

    rows: list[tuple[int, LoggedRecord, int, Headers]] = field(default_factory=list)
    submitted: list[int] = field(default_factory=list)
    flushed: int = -1

    async def add(
        self, partition: int, record: LoggedRecord, timestamp: int, headers: Headers
    ) -> None:
        self.rows.append((partition, record, timestamp, headers))

    async def submit(self) -> None:
        self.submitted.append(len(self.rows))

    async def flush(self) -> None:
        self.flushed = len(self.rows)


def target(partitions: int, **fields: object) -> Target:
    """A topic of so many partitions."""
    given = {
        "kafka": Kafka(bootstrap="b:1"),
        "cluster": "c",
        "topic": "t",
        "partitions": range(partitions),
        "max_message_bytes": 1000,
        "broker_time": False,
    }
    return Target(**{**given, **fields})  # type: ignore[arg-type]
