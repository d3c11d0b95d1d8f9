"""``zeta archive compact``: small files of one partition and day become one large file.

The large file is published before the small ones are deleted, so at every moment each record is
in some file; our readers ignore a file that a larger one covers. An archiver only ever adds
files after the last one, so it isn't disturbed.

Compactors agree as archivers do: what is to become one file is written down first, exclusively,
under the partition's next number; whoever finds a number that isn't done does it, with exactly
those files. So after a kill, or with two at work, files never overlap by half. The newest number
stays; the older ones are deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from streams.archive.footers import Footer, read_footer
from streams.archive.listing import (
    COMPACTIONS,
    all_paths,
    numbered_path,
    numbers_in,
)
from streams.archive.merging import is_mergeable, merge
from streams.archive.naming import Part, parts_in, uncovered
from streams.archive.store import ArchiveError, Store
from streams.topics import event_types


@dataclass(frozen=True)
class Limits:
    """A file with fewer than ``min_rows`` is small; small ones are merged to ``target_bytes``."""

    min_rows: int = 1_000_000
    target_bytes: int = 128 * 1024 * 1024


class Compaction(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes one file: the ``(first, last)`` of each, which follow each other."""

    date: str
    files: list[tuple[int, int]]


@dataclass(frozen=True)
class Compacted:
    """A file that was made out of ``files`` small ones; sizes in bytes."""

    part: Part
    files: int
    bytes_before: int
    bytes: int


def compact(store: Store, topic: str, limits: Limits) -> Iterator[Compacted]:
    """Merges a topic's small files, one large file at a time. Blocks.

    Raises:
        ArchiveError: a file is damaged; names it.
    """
    for partition in sorted({part.partition for part in parts_in(store.paths(topic))}):
        yield from _Compactor(store, topic, partition, limits).run()


class _Compactor:
    def __init__(self, store: Store, topic: str, partition: int, limits: Limits) -> None:
        self._store = store
        self._topic = topic
        self._partition = partition
        self._limits = limits
        self._types = event_types(topic) or ()
        self._footers: dict[Part, Footer] = {}

    def run(self) -> Iterator[Compacted]:
        while True:
            newest = max(self._numbers(), default=-1)
            if newest >= 0:
                yield from self._do(newest)
            self._clear_covered()
            files = self._next()
            if not files:
                return
            self._order(newest + 1, files)

    def _numbers(self) -> list[int]:
        return numbers_in(self._store, self._topic, COMPACTIONS, self._partition)

    def _path(self, number: int) -> str:
        return numbered_path(self._topic, COMPACTIONS, self._partition, number)

    def _parts(self) -> list[Part]:
        found = parts_in(all_paths(self._store, self._topic))
        return [part for part in found if part.partition == self._partition]

    def _order(self, number: int, files: Sequence[Part]) -> None:
        """Writes down what is next, unless another has; the next turn does what is there."""
        spans = [(part.first, part.last) for part in files]
        order = Compaction(date=files[0].date, files=spans)
        with suppress(FileExistsError):
            self._store.create(self._path(number), msgspec.json.encode(order))
        newest = max(self._numbers(), default=number)
        for older in self._numbers():
            if older < newest:  # ours too, if others have gone on since we looked
                self._store.delete(self._path(older))

    def _do(self, number: int) -> Iterator[Compacted]:
        order = self._read(number)
        if order is None:
            return
        files = [Part(self._topic, self._partition, *span, order.date) for span in order.files]
        whole = Part(self._topic, self._partition, files[0].first, files[-1].last, order.date)
        there = self._parts()
        if any(part.covers(whole) for part in there) or not set(files) <= set(there):
            return  # done, or retention was here
        with suppress(FileNotFoundError):  # another one has done it meanwhile
            before = sum(self._store.size(part.path) for part in files)
            merge(self._store, self._types, files, whole)
            yield Compacted(whole, len(files), before, self._store.size(whole.path))

    def _read(self, number: int) -> Compaction | None:
        path = self._path(number)
        try:
            order = msgspec.json.decode(self._store.read(path), type=Compaction)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            name = f"{self._store.root}/{path}"
            raise ArchiveError(f"{name}: not a compaction: {error}; delete it") from error
        if not order.files:
            raise ArchiveError(f"{self._store.root}/{path}: not a compaction; delete it")
        return order

    def _clear_covered(self) -> None:
        parts = self._parts()
        kept = uncovered(parts)
        for part in parts:
            if part not in kept:
                whole = next(other for other in kept if other.covers(part))
                with suppress(FileNotFoundError):
                    self._clear(part, whole)

    def _clear(self, part: Part, whole: Part) -> None:
        """The last check before a file goes: the other is there, and can hold its rows."""
        if read_footer(self._store, whole).rows < self._footer(part).rows:
            name = f"{self._store.root}/{whole.path}"
            raise ArchiveError(f"{name}: has fewer rows than {part.path}, which it should hold")
        self._store.delete(part.path)

    def _next(self) -> list[Part]:
        """The first files that are to become one; none: all is done."""
        run: list[Part] = []
        size = 0
        for part in uncovered(self._parts()):
            try:
                small = self._store.size(part.path)
                fits = self._is_small(part)
            except FileNotFoundError:  # another compactor, or retention, is at work here
                small, fits = 0, False
            joins = bool(run) and run[-1].last + 1 == part.first and run[-1].date == part.date
            if fits and joins and size + small <= self._limits.target_bytes:
                run.append(part)
                size += small
                continue
            if len(run) > 1:
                return run
            run, size = ([part], small) if fits else ([], 0)
        return run if len(run) > 1 else []

    def _is_small(self, part: Part) -> bool:
        footer = self._footer(part)
        return footer.rows < self._limits.min_rows and is_mergeable(self._types, footer.schema)

    def _footer(self, part: Part) -> Footer:
        if part not in self._footers:
            self._footers[part] = read_footer(self._store, part)
        return self._footers[part]
