"""``zeta archive prune``: a partition's oldest files go, whole ones only.

From the beginning of the chain on, so that there is never a gap, and never the newest file: it
tells the archiver where to go on. That offsets were pruned is written down before a file goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from streams.archive.footers import read_footer
from streams.archive.listing import PRUNED, all_paths, numbered_path, numbers_in
from streams.archive.naming import Part, date_of, parts_in
from streams.archive.store import Store


@dataclass(frozen=True)
class Pruned:
    """A file that went, or would; ``bytes`` as on the disk."""

    part: Part
    rows: int
    bytes: int


def prune(store: Store, topic: str, before_at: int, *, dry_run: bool = False) -> Iterator[Pruned]:
    """Deletes a topic's files all of whose records are from before ``before_at`` (Unix ms). Blocks.

    Raises:
        ArchiveError: a file that is old enough can't be read; it and those after it stay.
    """
    parts = parts_in(all_paths(store, topic))
    for partition in sorted({part.partition for part in parts}):
        mine = [part for part in parts if part.partition == partition]
        for pruned in _old(store, mine, before_at):
            if not dry_run:
                _mark(store, pruned.part)
                store.delete(pruned.part.path)
            yield pruned


def _old(store: Store, parts: list[Part], before_at: int) -> Iterator[Pruned]:
    """The oldest files, in their order; a file that a larger one covers goes with it."""
    end = max(part.last for part in parts)
    for part in sorted(parts, key=lambda row: (row.last, -row.first)):
        if part.last == end or part.date > date_of(before_at):
            return
        with suppress(FileNotFoundError):
            footer = read_footer(store, part)
            if footer.timestamps is not None and footer.timestamps.most >= before_at:
                return
            yield Pruned(part, footer.rows, store.size(part.path))


def _mark(store: Store, part: Part) -> None:
    """Everything up to this file was pruned on purpose; the newest mark is enough."""
    before = part.last + 1
    with suppress(FileExistsError):
        store.create(numbered_path(part.topic, PRUNED, part.partition, before), b"")
    for older in numbers_in(store, part.topic, PRUNED, part.partition):
        if older < before:
            store.delete(numbered_path(part.topic, PRUNED, part.partition, older))
