"""Which offsets the next file of a partition holds: agreed among all archivers, dead or alive.

The chain of a partition's files is its only truth; a consumer group's commit isn't asked. Before
a file is published its range is claimed: a claim is created exclusively, with the range in it, so
that whoever comes to the same place publishes the same range, under the same name, once:

- a successor finishes a claim whose file isn't there, with exactly that range;
- a zombie that wakes finds the claim of its successor, and publishes what that one did, which
  changes nothing; when the chain has gone further, it lets its records go.

A partition's newest claim is kept, and with it the sign that the chain was there. Older ones are
deleted, and so may be deleted by anyone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec

from streams.archive.naming import Part, claim_of, claim_path, parts_in
from streams.archive.store import ArchiveError, Store, claims_in

logger = logging.getLogger(__name__)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What the file that begins at the claimed offset holds; it decides the file's whole name."""

    last: int
    date: str


class Chain:
    """One partition's place in the archive. Every method blocks.

    ``first`` is the first offset of the next file; ``claim`` is set when its range is decided.
    """

    def __init__(self, store: Store, topic: str, partition: int) -> None:
        self._store = store
        self.topic = topic
        self.partition = partition
        self.first = 0
        self.claim: Claim | None = None

    def __str__(self) -> str:
        return f"{self._store.root}: {self.topic}, partition {self.partition}"

    def open(self, paths: Iterable[str], beginning: int, end: int) -> int:
        """Finds the place, and returns the first offset to read.

        Args:
            paths: the topic's files, with its claims (``Store.paths``).
            beginning: the first offset that the broker still has.
            end: one past its last.

        Raises:
            ArchiveError: the archive has offsets that the broker never had (the topic was made
                anew), or a claim that can't be read.
        """
        self._find(paths, beginning)
        if self.claim is not None and self.claim.last < beginning:
            self.claim = None  # whoever made it may still publish; no one else can
        if self.claim is None and self.first < beginning:
            lost = f"offsets {self.first} to {beginning - 1} were deleted before they were archived"
            logger.warning("%s: %s", self, lost)
            self.first = beginning
        if self.first > end:
            raise ArchiveError(
                f"{self}: goes to offset {self.first - 1}, but the broker's ends at {end - 1}. If "
                "the topic was made anew, archive it in another directory (archive.directory)"
            )
        return max(self.first, beginning)

    def _find(self, paths: Iterable[str], beginning: int) -> None:
        paths = list(paths)
        lasts = [part.last for part in parts_in(paths) if part.partition == self.partition]
        self.first = max(lasts) + 1 if lasts else beginning
        self.claim = None
        newest = max(self._firsts(paths), default=-1)
        if newest >= 0 and (newest >= self.first or not lasts):
            self.first, self.claim = newest, self._read(newest)

    def _firsts(self, paths: Iterable[str]) -> list[int]:
        claims = (claim_of(path) for path in paths)
        return [row[1] for row in claims if row is not None and row[0] == self.partition]

    def _read(self, first: int) -> Claim:
        path = claim_path(self.topic, self.partition, first)
        try:
            claim = msgspec.json.decode(self._store.read(path), type=Claim)
        except msgspec.DecodeError as error:
            raise ArchiveError(f"{self._store.root}/{path}: not a claim: {error}") from error
        if claim.last < first:
            raise ArchiveError(f"{self._store.root}/{path}: not a claim: it ends at {claim.last}")
        return claim

    def agree(self, last: int, date: str) -> Part | None:
        """The next file: up to ``last``, unless another range was claimed before.

        None: others have gone further. Then ``first`` is where they are, and what was gathered
        before it is not to be published.
        """
        if self.claim is None:
            self.claim = self._create(Claim(last=last, date=date))
        firsts = self._firsts(claims_in(self._store, self.topic))
        if self.claim is None or max(firsts, default=self.first) > self.first:
            self._find(self._store.paths(self.topic), self.first)
            return None
        return Part(self.topic, self.partition, self.first, self.claim.last, self.claim.date)

    def _create(self, claim: Claim) -> Claim | None:
        path = claim_path(self.topic, self.partition, self.first)
        try:
            self._store.create(path, msgspec.json.encode(claim))
        except FileExistsError:
            try:
                return self._read(self.first)
            except FileNotFoundError:  # it is published, and the next one is claimed
                return None
        return claim

    def advance(self, published: Part) -> None:
        """Goes on after a file that is published, and clears away the claims before its own."""
        self.first = published.last + 1
        self.claim = None
        for first in self._firsts(claims_in(self._store, self.topic)):
            if first < published.first:
                self._store.delete(claim_path(self.topic, self.partition, first))
