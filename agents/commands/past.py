"""What commands that read the past share: where the log is, and how far it has been read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from rich.progress import Progress

from agents.commands.context import Context
from streams.archive.opening import open_store
from streams.archive.reading import ArchiveLog
from streams.history import Log, open_history
from streams.settings import Kafka


@asynccontextmanager
async def opened_log(
    kafka: Kafka, archive: str | None, topics: Sequence[str], needed: Sequence[str]
) -> AsyncIterator[Log]:
    """The topics on the broker; or, of those in an archive, the needed ones and what is there.

    Raises:
        ArchiveError: there is no such archive, or it lacks a needed topic.
        TopicMissingError: the broker lacks one.
    """
    if archive is None:
        async with open_history(kafka, topics) as log:
            yield log
        return
    store = open_store(archive)
    there = set(store.topics())
    yield ArchiveLog(store, [name for name in topics if name in there or name in needed])


@contextmanager
def metrics_bar(shared: Context, log: Log) -> Iterator[Callable[[int], None]]:
    """A progress bar over the records of ``metrics``, to be told how many more were read."""
    total = sum(
        log.end("metrics", number) - log.beginning("metrics", number)
        for number in log.partitions("metrics")
    )
    with Progress(console=shared.err, transient=True) as progress:
        bar = progress.add_task("metrics", total=total)
        yield lambda count: progress.advance(bar, count)
