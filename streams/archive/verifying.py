"""``zeta archive verify``: whether each record of a range is there once, and can be read.

By default the names, the footers and the statistics are asked; ``deep`` reads every row back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from streams.archive.checking import check_file
from streams.archive.findings import Finding, PartitionState, Verification
from streams.archive.listing import Listing, all_paths, list_topic
from streams.archive.naming import TEMPORARY, Part, claim_path, uncovered
from streams.archive.store import ArchiveError, Store, topics_of


def verify(
    store: Store,
    topics: Iterable[str] = (),
    *,
    now_at: int,
    deep: bool = False,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> Verification:
    """Checks an archive, or some of its topics, as it is now. Blocks.

    ``now_at`` is in Unix ms; ``progress`` is told how many files of how many are done.

    Raises:
        ArchiveError: there is no archive, or a topic isn't in it.
    """
    wanted = list(topics)
    names = topics_of(store, wanted)
    found = Verification(root=store.root)
    if not wanted:
        found.findings += _at_root(store, set(names), now_at)
    listings = [list_topic(name, all_paths(store, name)) for name in names]
    if not any(listing.parts for listing in listings) and not found.findings:
        raise ArchiveError(f"{store.root}: there is no archive")
    total, done = sum(len(listing.parts) for listing in listings), 0
    for listing in listings:
        found.findings += _others(store, listing, now_at)
        for partition in listing.partitions():
            checker = _Partition(store, listing, partition, deep)
            for _ in checker.check():
                done += 1
                progress(done, total)
            found.findings += checker.findings
            found.partitions.append(checker.state())
    return found


def _at_root(store: Store, topics: set[str], now_at: int) -> Iterator[Finding]:
    for path in store.paths():
        top, _, rest = path.partition("/")
        if top in topics and rest:
            continue
        if top == TEMPORARY or (not rest and top.startswith("_")):
            yield _leftover(store, path, now_at)
        else:
            yield _foreign(path)


def _foreign(path: str) -> Finding:
    advice = "move it elsewhere: an archive holds nothing but its own files"
    return Finding(kind="foreign", where=path, problem="no archiver names a file so", advice=advice)


def _age(store: Store, path: str, now_at: int) -> str:
    try:
        seconds = max(0, now_at - store.modified_at(path)) // 1000
    except FileNotFoundError:
        return "gone since"
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min old" if hours else f"{rest // 60} min {rest % 60} s old"


def _leftover(store: Store, path: str, now_at: int) -> Finding:
    return Finding(
        kind="leftover",
        where=path,
        problem=f"a temporary file, {_age(store, path, now_at)}",
        advice="nothing while an archiver or a compaction runs; the archiver's next start clears "
        "up what a killed one has left",
    )


def _others(store: Store, listing: Listing, now_at: int) -> Iterator[Finding]:
    """Files that hold no records."""
    for path in listing.foreign:
        yield _foreign(path)
    for path in listing.temporary:
        yield _leftover(store, path, now_at)
    for (partition, first), path in sorted(listing.claims.items()):
        if not any(part.first <= first <= part.last for part in listing.of(partition)):
            yield Finding(
                kind="claim",
                where=path,
                problem=f"claimed, but not published, {_age(store, path, now_at)}",
                advice="start the archiver: it publishes exactly what was claimed",
            )


class _Partition:
    """One partition's files, each by itself and in their order."""

    def __init__(self, store: Store, listing: Listing, partition: int, deep: bool) -> None:
        self._store = store
        self._topic = listing.topic
        self._partition = partition
        self._deep = deep
        self._parts = listing.of(partition)
        self._kept = uncovered(self._parts)
        self._pruned = listing.pruned.get(partition)
        self._rows: dict[Part, int] = {}
        self._bytes = 0
        self.findings: list[Finding] = []

    def check(self) -> Iterator[Part]:
        """Yields each file once it is done."""
        self._check_beginning()
        for part in self._parts:
            self._check_part(part)
            yield part
        for left, right in pairwise(self._kept):
            self._check_order(left, right)

    def _check_part(self, part: Part) -> None:
        if part not in self._kept:
            self._add(
                "covered",
                part.path,
                "a larger file holds the same offsets",
                "run `zeta archive compact`, which deletes it; our readers ignore it",
            )
        try:
            checked = check_file(self._store, part, deep=self._deep)
            self._bytes += self._store.size(part.path) if part in self._kept else 0
        except FileNotFoundError:
            return  # compaction or retention is at work; what it leaves is in the listing, too
        self.findings += checked.findings
        if checked.rows is not None:
            self._rows[part] = checked.rows

    def _check_beginning(self) -> None:
        first = self._kept[0].first
        if self._pruned is not None and first > self._pruned:
            self._add_gap(self._pruned, first - 1)

    def _check_order(self, left: Part, right: Part) -> None:
        if right.first > left.last + 1:
            self._add_gap(left.last + 1, right.first - 1)
        if right.first <= left.last:
            self._add(
                "overlap",
                right.path,
                f"offsets {right.first} to {min(left.last, right.last)} are in {left.path}, too",
                "our readers take each offset once; others see it twice: move one of the files "
                "away if the files around it hold the rest",
            )

    def _add_gap(self, first: int, last: int) -> None:
        claim = claim_path(self._topic, self._partition, first)
        self._add(
            "gap",
            f"{self._topic}, partition {self._partition}",
            f"offsets {first} to {last} are in no file",
            "restore their files from a backup; if the broker still has them, move the later "
            f"files and {claim.rpartition('/')[0]}/{self._partition}-* away, and the archiver "
            "goes on from there",
        )

    def _add(self, kind: Any, where: str, problem: str, advice: str) -> None:
        self.findings.append(Finding(kind=kind, where=where, problem=problem, advice=advice))

    def state(self) -> PartitionState:
        """The sums over the files that count."""
        rows = sum(self._rows.get(part, 0) for part in self._kept)
        spans = sum(part.last - part.first + 1 for part in self._kept if part in self._rows)
        return PartitionState(
            topic=self._topic,
            partition=self._partition,
            first=self._kept[0].first,
            last=self._kept[-1].last,
            files=len(self._kept),
            rows=rows,
            bytes=self._bytes,
            holes=max(0, spans - rows),
            pruned_before=self._pruned,
        )
