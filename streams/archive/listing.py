"""What is in a topic's directory, sorted by what each file is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.archive.naming import TEMPORARY, Part, claim_of, part_of
from streams.archive.store import Store

COMPACTIONS = "_compactions"
PRUNED = "_pruned"

_NUMBERED = re.compile(r"[^/]+/(_[a-z]+)/(0|[1-9][0-9]{0,18})-(0|[1-9][0-9]{0,18})")


def numbered_path(topic: str, directory: str, partition: int, number: int) -> str:
    """A small file of a partition, told from its others by a number."""
    return f"{topic}/{directory}/{partition}-{number}"


def numbered_of(path: str, directory: str) -> tuple[int, int] | None:
    """The partition and the number in a path of ``numbered_path``, else None."""
    found = _NUMBERED.fullmatch(path)
    if found is None or found.group(1) != directory:
        return None
    return int(found.group(2)), int(found.group(3))


def numbers_in(store: Store, topic: str, directory: str, partition: int) -> list[int]:
    """The numbers that a partition has there, sorted."""
    rows = (numbered_of(path, directory) for path in store.paths(f"{topic}/{directory}"))
    return sorted(row[1] for row in rows if row is not None and row[0] == partition)


def all_paths(store: Store, topic: str) -> list[str]:
    """A topic's files, none missed that compaction replaces meanwhile.

    A listing takes time: it may pass the place of a large file before it is there, and that of
    the small ones once they are gone. The second one finds it then. So the union may have files
    that are gone, but no offset is missing.
    """
    return sorted({*store.paths(topic), *store.paths(topic)})


@dataclass
class Listing:
    """A topic's files: ``claims`` by partition and first offset, what is ``foreign``, the rest."""

    topic: str
    parts: list[Part] = field(default_factory=list)
    claims: dict[tuple[int, int], str] = field(default_factory=dict)
    temporary: list[str] = field(default_factory=list)
    compactions: list[str] = field(default_factory=list)
    pruned: dict[int, int] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)

    def partitions(self) -> list[int]:
        """Those that have a file, sorted."""
        return sorted({part.partition for part in self.parts})

    def of(self, partition: int) -> list[Part]:
        """A partition's files, by first offset."""
        return sorted(part for part in self.parts if part.partition == partition)


def list_topic(topic: str, paths: Sequence[str]) -> Listing:
    """Sorts the paths of a topic."""
    listing = Listing(topic)
    for path in paths:
        _add(listing, path)
    return listing


def _add(listing: Listing, path: str) -> None:
    if (part := part_of(path)) is not None:
        listing.parts.append(part)
    elif (claim := claim_of(path)) is not None:
        listing.claims[claim] = path
    elif path.startswith(f"{listing.topic}/{TEMPORARY}/"):
        listing.temporary.append(path)
    elif numbered_of(path, COMPACTIONS) is not None:
        listing.compactions.append(path)
    elif (mark := numbered_of(path, PRUNED)) is not None:
        listing.pruned[mark[0]] = max(mark[1], listing.pruned.get(mark[0], 0))
    else:
        listing.foreign.append(path)
