"""The archive on an S3-compatible server: claims conflict, and all that works on files works."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from streams.archive.chain import Chain
from streams.archive.compacting import Limits, compact
from streams.archive.naming import claim_path, parts_in
from streams.archive.opening import open_store
from streams.archive.publishing import PartitionArchive
from streams.archive.reading import ArchiveLog
from streams.archive.remote import RemoteStore
from streams.archive.retention import prune
from streams.archive.rows import ArchivedRecord
from streams.archive.store import ArchiveError, Store
from streams.archive.verifying import verify
from streams.settings import Archive
from tests.streams.archive.object_store import served
from tests.streams.archive.records import BEGAN_AT, TYPES, record


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, served(patch) as where:
        yield where


@pytest.fixture
def store(url: str, request: pytest.FixtureRequest) -> Store:
    """An archive of this test's own."""
    return open_store(f"{url}/{request.node.name}", writing=True)


def archiver(store: Store) -> PartitionArchive:
    chain = Chain(store, "metrics", 0)
    chain.open(store.paths("metrics"), 0, 1000)
    return PartitionArchive(store, chain, TYPES, Archive(), lambda: 0.0)


def publish(store: Store, *spans: tuple[int, int]) -> None:
    one = archiver(store)
    for first, last in spans:
        one.take([record(offset) for offset in range(first, last)])
        one.publish()


def rows(store: Store) -> list[ArchivedRecord]:
    async def read() -> list[ArchivedRecord]:
        log = ArchiveLog(store)
        return [row async for batch in log.read("metrics", 0) for row in batch]

    return asyncio.run(read())


def test_of_many_that_create_a_claim_one_succeeds(store: Store) -> None:
    def create(number: int) -> bool:
        try:
            store.create(claim_path("metrics", 0, 7), b"%d" % number)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, one in enumerate(pool.map(create, range(24))) if one]
    assert len(won) == 1
    assert store.read(claim_path("metrics", 0, 7)) == b"%d" % won[0]


def test_an_archive_is_published_read_verified_and_compacted(store: Store) -> None:
    publish(store, (0, 10), (10, 30), (30, 60))
    expected = [record(offset) for offset in range(60)]
    assert rows(store) == expected
    assert archiver(store).chain.first == 60
    found = verify(store, now_at=BEGAN_AT, deep=True)
    assert (found.findings, found.partitions[0].rows) == ([], 60)
    (done,) = compact(store, "metrics", Limits())
    assert (done.files, done.part.last) == (3, 59)
    assert [part.path for part in parts_in(store.paths())] == [done.part.path]
    assert rows(store) == expected
    publish(store, (60, 70))
    assert rows(store) == [*expected, *(record(offset) for offset in range(60, 70))]
    assert [gone.part.last for gone in prune(store, "metrics", BEGAN_AT + 9999)] == [59]
    assert verify(store, now_at=BEGAN_AT, deep=True).findings == []
    assert archiver(store).chain.first == 70


def test_two_archivers(store: Store) -> None:
    one, other = archiver(store), archiver(store)
    for last in range(10, 60, 10):
        for each in (one, other):
            each.take([record(offset) for offset in range(last - 10, last)])
            each.publish()
    assert rows(store) == [record(offset) for offset in range(50)]
    assert verify(store, now_at=BEGAN_AT, deep=True).findings == []


def test_the_age_of_what_is_left(store: Store) -> None:
    publish(store, (0, 10))
    store.create(claim_path("metrics", 0, 10), b'{"last":20,"date":"2026-09-21"}')
    at = store.modified_at(claim_path("metrics", 0, 10))
    (finding,) = verify(store, now_at=at + 7_260_000).findings
    assert finding.problem == "claimed, but not published, 2 h 1 min old"


def test_a_server_that_overwrites_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some stores ignore the condition of a conditional put."""
    assert isinstance(store, RemoteStore)
    plain = store._files.pipe_file
    monkeypatch.setattr(
        store._files, "pipe_file", lambda where, content, **_: plain(where, content)
    )
    with pytest.raises(ArchiveError, match="can't create a file only where there is none"):
        store.check()


def test_no_bucket(url: str) -> None:
    for _ in range(2):  # and none is made
        with pytest.raises(ArchiveError, match=r"s3://no-such-bucket.*bucket does not exist"):
            open_store("s3://no-such-bucket/x", writing=True)


@pytest.mark.parametrize("writing", [True, False])
def test_no_server(url: str, writing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(ArchiveError, match=f"{url}.*: Could not connect"):
        open_store(url, writing=writing).topics()
    s3fs.S3FileSystem.clear_instance_cache()
