"""One partition on its way into the archive: gathered, written, claimed, published."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from streams.archive.chain import Chain
from streams.archive.naming import Part
from streams.archive.rows import Types
from streams.archive.store import ArchiveError, Store
from streams.archive.writing import PartWriter
from streams.history import LoggedRecord
from streams.sections import Archive

# Arrow's columns are made of so many records at a time: of more, they leave the processor's cache.
CHUNK_ROWS = 1000
CHUNK_BYTES = 1024 * 1024


def stagger(topic: str, partition: int) -> float:
    """By which share of ``roll_s`` a partition's first file is due: another for each, in (0, 1].

    All partitions are opened at once. In step, they would publish in bursts, and memory would
    swing with them.
    """
    return (zlib.crc32(f"{topic}-{partition}".encode()) + 1) / 2**32


class PartitionArchive:
    """What was taken of one partition and isn't published yet.

    On a disk that is full ``write`` and ``publish`` fail and lose nothing: call them again.

    Nothing here is needed after a kill: what isn't published is read from the broker again.
    ``write`` and ``publish`` block; the others are quick. One call at a time, but ``discard`` may
    come while a thread is at work, which then ends in its own time.

    Args:
        chain: opened.
        clock: seconds, monotonic.
    """

    def __init__(
        self, store: Store, chain: Chain, types: Types, limits: Archive, clock: Callable[[], float]
    ) -> None:
        self.chain = chain
        self._store = store
        self._types = types
        self._limits = limits
        self._clock = clock
        self._pending: list[LoggedRecord] = []
        self._writer: PartWriter | None = None
        self._head: tuple[PartWriter, Part] | None = None
        self._since: float | None = None
        self._roll_s = limits.roll_s * stagger(chain.topic, chain.partition)
        self._seen = -1
        self._busy = threading.Lock()
        self._gone = False
        self._pending_bytes = 0
        self._published: list[tuple[int, int]] = []

    @property
    def age_s(self) -> float:
        """How long ago the oldest record came that isn't published."""
        since = self._since
        return 0.0 if since is None else max(0.0, self._clock() - since)

    def take_published(self) -> list[tuple[int, int]]:
        """Rows and bytes of each file that was published since the last call."""
        taken, self._published = self._published, []
        return taken

    @property
    def held_bytes(self) -> int:
        """What is in memory, about."""
        return self._pending_bytes + sum(writer.held_bytes for writer in self._writers())

    def _writers(self) -> list[PartWriter]:
        head = [] if self._head is None else [self._head[0]]
        return head if self._writer is None else [*head, self._writer]

    @property
    def full(self) -> bool:
        """Whether it is time for ``convert``."""
        return len(self._pending) >= CHUNK_ROWS or self._pending_bytes >= CHUNK_BYTES

    def take(self, records: Sequence[LoggedRecord]) -> None:
        """Gathers records, in offset order; those that are in the archive already are dropped."""
        fresh = [row for row in records if row.offset >= self.chain.first]
        if not fresh:
            return
        if self._since is None:
            self._since = self._clock()
        self._seen = fresh[-1].offset
        self._pending += fresh
        self._pending_bytes += sum(len(row.value or b"") + len(row.key or b"") for row in fresh)

    def due(self) -> bool:
        """Whether it is time to publish, by rows, size or age, or because a claim is complete."""
        if self._head is not None:
            return True
        if self._since is None:
            return False
        if self.chain.claim is not None:
            return self._seen >= self.chain.claim.last
        written = self._writer
        rows = len(self._pending) + (written.rows if written is not None else 0)
        return (
            rows >= self._limits.roll_rows
            or (written is not None and written.bytes >= self._limits.roll_bytes)
            or self._clock() - self._since >= self._roll_s
        )

    @property
    def group_full(self) -> bool:
        """Whether it is time for ``write``."""
        return self._writer is not None and self._writer.full

    def convert(self) -> None:
        """Makes columns of what is pending, which takes a few ms for ``CHUNK_ROWS``.

        Not worth a thread: it would take turns with the event loop's, and slow both down.
        """
        with self._working():
            self._convert()

    def write(self) -> None:
        """Takes all that is in memory to the disk, as one row group."""
        with self._working():
            self._convert(flushing=True)
            if self._writer is not None:
                self._writer.flush()

    def _convert(self, *, flushing: bool = False) -> None:
        if not self._pending:
            return
        if self._writer is None:
            self._writer = self._another()
        while self._pending:
            self._writer.add(self._pending[:CHUNK_ROWS])
            del self._pending[:CHUNK_ROWS]  # before what may fail, and is then done again
            if flushing and self._writer.full:
                self._writer.flush()
        self._pending_bytes = 0

    def _another(self) -> PartWriter:
        return PartWriter(self._store, self.chain.topic, self.chain.partition, self._types)

    def publish(self) -> None:
        """Publishes all that was taken, except for the beginning of a range claimed by others."""
        with self._working():
            self._convert(flushing=True)
            self._publish_head()
            while self._writer is not None and self._prepare_head(self._writer):
                self._publish_head()
        # Arrow keeps what it was given; in a process that lives for months that creeps up.
        pa.default_memory_pool().release_unused()

    def _prepare_head(self, writer: PartWriter) -> bool:
        """Makes the next file ready; False when there is none now."""
        part = self.chain.agree(writer.last, writer.date)
        if part is None:
            self._drop_before(writer, self.chain.first)
            return False
        if self._seen < part.last:
            return False
        self._head = self._cut(writer, part.last), part
        return True

    def _publish_head(self) -> None:
        """Publishes it; it stays until it is published."""
        if self._head is not None:
            head, part = self._head
            head.publish(part)
            self._published.append((head.rows, head.bytes))
            self._head = None
            self._roll_s = self._limits.roll_s
            self.chain.advance(part)

    def _cut(self, writer: PartWriter, last: int) -> PartWriter:
        """The file up to ``last``; what comes after is kept."""
        if writer.last <= last:
            self._keep(None)
            return writer
        head, rest = writer.split(last)
        self._keep(rest)
        return head

    def _drop_before(self, writer: PartWriter, first: int) -> None:
        if writer.last < first:
            self._keep(None)
            writer.discard()
            return
        head, rest = writer.split(first - 1)
        self._keep(rest)
        head.discard()

    def _keep(self, rest: PartWriter | None) -> None:
        self._writer = rest
        self._since = None if rest is None else self._clock()

    def discard(self) -> None:
        """Forgets what isn't published; nothing is to be taken any more."""
        self._gone = True
        self._clear()

    def _clear(self) -> None:
        if not self._busy.acquire(blocking=False):
            return  # whoever is busy clears up
        try:
            self._pending = []
            self._pending_bytes = 0
            for writer in self._writers():
                writer.discard()
            self._head = None
            self._keep(None)
        finally:
            self._busy.release()

    @contextmanager
    def _working(self) -> Iterator[None]:
        """The files are ours meanwhile; a full disk's error, which says nothing of where, does."""
        try:
            with self._busy:
                yield
        except OSError as error:
            raise ArchiveError(f"{self.chain}: can't be written: {error}") from error
        finally:
            if self._gone:
                self._clear()
