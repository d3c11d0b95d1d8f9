"""No file is missed that compaction replaces while a directory is being listed."""

from __future__ import annotations

from pathlib import Path

from streams.archive.listing import all_paths, list_topic, numbered_of, numbered_path
from streams.archive.local import LocalStore
from streams.archive.naming import claim_path, parts_in, uncovered
from streams.archive.reading import ArchiveLog
from tests.streams.archive.records import record, write_part


class Slow(LocalStore):
    """Its next listing passes the large file's place before it is there, then the small ones'."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.slow = True

    def paths(self, directory: str = "") -> list[str]:
        there = super().paths(directory)
        if not self.slow:
            return there
        self.slow = False
        write_part(self, "metrics", [record(offset) for offset in range(20)])
        small = parts_in(there)[:2]
        for part in small:
            self.delete(part.path)
        return [path for path in there if path not in {part.path for part in small}]


def test_a_listing_that_is_overtaken(tmp_path: Path) -> None:
    for first in (0, 10, 20):
        records = [record(offset) for offset in range(first, first + 10)]
        write_part(LocalStore(tmp_path), "metrics", records)
    found = uncovered(parts_in(all_paths(Slow(tmp_path), "metrics")))
    assert [(part.first, part.last) for part in found] == [(0, 19), (20, 29)]


def test_a_reader_of_it(tmp_path: Path) -> None:
    for first in (0, 10, 20):
        records = [record(offset) for offset in range(first, first + 10)]
        write_part(LocalStore(tmp_path), "metrics", records)
    log = ArchiveLog(Slow(tmp_path), ["metrics"])
    assert (log.beginning("metrics", 0), log.end("metrics", 0)) == (0, 30)


def test_what_is_what() -> None:
    paths = [
        "t/date=2026-01-01/part-1-0-9.parquet",
        claim_path("t", 1, 0),
        "t/_temporary/x",
        "t/_compactions/1-3",
        numbered_path("t", "_pruned", 1, 5),
        numbered_path("t", "_pruned", 1, 9),
        "t/_pruned/1-05",
        "t/x",
    ]
    listing = list_topic("t", paths)
    assert (listing.partitions(), listing.of(0)) == ([1], [])
    assert listing.claims == {(1, 0): "t/_claims/1-0"}
    assert listing.temporary == ["t/_temporary/x"]
    assert listing.compactions == ["t/_compactions/1-3"]
    assert listing.pruned == {1: 9}
    assert listing.foreign == ["t/_pruned/1-05", "t/x"]
    assert numbered_of("t/_pruned/1-5", "_compactions") is None
