"""``zeta archive``: whether an archive is whole, fewer and larger files, and how long to keep."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaError
from rich.progress import Progress

from agents.archive_view import (
    compacted_line,
    compacted_row,
    finding_lines,
    partition_table,
    pruned_line,
    pruned_row,
    summary,
    verification_row,
)
from agents.commands.context import FAILED, USAGE, Context, Json, get
from streams.archive.against_broker import compare
from streams.archive.compacting import Limits
from streams.archive.compacting import compact as compact_topic
from streams.archive.findings import Verification
from streams.archive.opening import open_store
from streams.archive.retention import prune as prune_topic
from streams.archive.store import ArchiveError, Store, topics_of
from streams.archive.verifying import verify as verify_store
from streams.denials import denied
from streams.topics import topic_table

archive = typer.Typer(no_args_is_help=True, help="An archive of Parquet files: check, tidy, prune.")

Place = Annotated[str, typer.Argument(metavar="DIR_OR_URL", help="Where the archive is.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Only this one (repeatable).")]

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGE = re.compile(r"([0-9]{1,6})([mhd])")


@archive.command()
def verify(
    context: typer.Context,
    directory: Place,
    topic: Topics = None,
    broker: Annotated[
        bool, typer.Option("--broker", help="Compare with the topics' offsets, too.")
    ] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read every row back.")] = False,
    json: Json = False,
) -> None:
    """Check an archive: gaps, overlaps, torn and foreign files, names that aren't true, leftovers.

    Example: zeta archive verify /var/zeta/archive --broker

    Reads names, footers and statistics, unless --deep. Exit code 1: something is wrong; each
    finding says where and what to do. It may run beside an archiver.
    """
    shared = get(context)
    with _told(shared):
        store = open_store(directory)
        with Progress(
            console=shared.err, transient=True, disable=not shared.err.is_terminal
        ) as progress:
            bar = progress.add_task("files", total=None)
            found = verify_store(
                store,
                topic or (),
                now_at=time.time_ns() // 1_000_000,
                deep=deep,
                progress=lambda done, total: progress.update(bar, completed=done, total=total),
            )
        if broker:
            found = _compared(shared, store, found, topic)
    _show(shared, found, json=json)
    if not found.ok:
        raise typer.Exit(FAILED)


def _compared(
    shared: Context, store: Store, found: Verification, topics: list[str] | None
) -> Verification:
    settings = shared.connected_settings()
    named = topics or [
        *(row.topic for row in found.partitions),
        *(settings.archive.topics or [row.name for row in topic_table(settings.models)]),
    ]
    return asyncio.run(compare(found, store, settings.kafka, named))


def _show(shared: Context, found: Verification, *, json: bool) -> None:
    if json:
        shared.json(verification_row(found))
        return
    shared.out.print(partition_table(found.partitions))
    for line in finding_lines(found.findings):
        shared.out.print(line, markup=False, highlight=False, soft_wrap=True)
    shared.say(summary(found))


@archive.command()
def compact(
    context: typer.Context,
    directory: Place,
    topic: Topics = None,
    min_rows: Annotated[
        int, typer.Option(min=2, help="A file with fewer rows is small.")
    ] = Limits.min_rows,
    target_bytes: Annotated[
        int, typer.Option(min=1, help="Small files are merged up to this size.")
    ] = Limits.target_bytes,
    json: Json = False,
) -> None:
    """Merge small files of one partition and day into larger ones.

    Example: zeta archive compact /var/zeta/archive --topic metrics

    May run beside an archiver, readers and another compaction, and be killed at any moment. A
    query that reads the files itself (DuckDB) may see rows twice for a moment, never too few.
    """
    shared = get(context)
    limits = Limits(min_rows, target_bytes)
    with _told(shared):
        store, topics = _there(directory, topic, writing=True)
        for name in _each(shared, topics):
            for done in compact_topic(store, name, limits):
                _line(shared, compacted_row(done), compacted_line(done), json=json)


def _age(text: str) -> int:
    found = _AGE.fullmatch(text)
    if found is None or int(found.group(1)) == 0:
        raise typer.BadParameter(f"{text!r} is no age; write 30d, 12h or 90m")
    return int(found.group(1)) * _UNITS_MS[found.group(2)]


@archive.command()
def prune(
    context: typer.Context,
    directory: Place,
    older_than: Annotated[str, typer.Option(help="30d, 12h or 90m.")],
    topic: Topics = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: Json = False,
) -> None:
    """Delete files all of whose records are older than that.

    Example: zeta archive prune /var/zeta/archive --older-than 30d --dry-run

    Whole files only, each partition's oldest first; its newest file stays, since the archiver goes
    on from there. May run beside an archiver.
    """
    shared = get(context)
    try:
        age_ms = _age(older_than)
    except typer.BadParameter as error:
        shared.fail(f"--older-than: {error}", USAGE)
    before_at = time.time_ns() // 1_000_000 - age_ms
    with _told(shared):
        store, topics = _there(directory, topic, writing=not dry_run)
        for name in _each(shared, topics):
            for gone in prune_topic(store, name, before_at, dry_run=dry_run):
                _line(shared, pruned_row(gone), pruned_line(gone, dry_run=dry_run), json=json)


def _there(directory: str, wanted: list[str] | None, *, writing: bool) -> tuple[Store, list[str]]:
    """An archive, which must be there before its directory is tried for writing."""
    store = open_store(directory)
    topics = topics_of(store, wanted or ())
    if not topics:
        raise ArchiveError(f"{store.root}: there is no archive")
    return open_store(directory, writing=True) if writing else store, topics


def _each(shared: Context, topics: Iterable[str]) -> Iterator[str]:
    """The topics, with a progress bar."""
    names = list(topics)
    with Progress(
        console=shared.err, transient=True, disable=not shared.err.is_terminal
    ) as progress:
        bar = progress.add_task("topics", total=len(names))
        for name in names:
            yield name
            progress.advance(bar)


def _line(shared: Context, row: dict[str, Any], line: str, *, json: bool) -> None:
    if json:
        shared.json(row)
    else:
        shared.out.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _told(shared: Context) -> Iterator[None]:
    """What goes wrong with an archive is one line."""
    try:
        yield
    except (ArchiveError, OSError, KafkaError) as error:
        shared.fail(denied(error) or str(error))
