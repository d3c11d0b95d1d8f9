"""One contract, on a directory and on fsspec's own memory store."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from streams.archive.local import LocalStore
from streams.archive.opening import open_store
from streams.archive.remote import RemoteStore
from streams.archive.store import ArchiveError, Store, topics_of

PATH = "metrics/date=2026-01-02/part-0-0-9.parquet"


@pytest.fixture(params=["directory", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    urls = {
        "directory": str(tmp_path / "an archive"),
        "file": (tmp_path / "an archive").as_uri(),
        "memory": f"memory://{uuid.uuid4().hex}/archive",
    }
    return open_store(urls[request.param], writing=True)


def publish(store: Store, path: str, content: bytes) -> None:
    with store.stage("metrics") as staged:
        staged.file.write(content)
        staged.publish(path)


def test_an_archive_that_is_not_there_is_empty(store: Store) -> None:
    assert store.topics() == []
    assert store.paths() == []
    assert store.paths("metrics") == []
    with pytest.raises(FileNotFoundError):
        store.read(PATH)
    with pytest.raises(FileNotFoundError):
        store.open(PATH)
    with pytest.raises(FileNotFoundError):
        store.size(PATH)
    store.delete(PATH)


def test_what_is_published_is_there(store: Store) -> None:
    publish(store, PATH, b"content")
    store.create("queries/_claims/0-0", b"{}")
    store.create("_ours", b"")
    assert store.read(PATH) == b"content"
    assert store.size(PATH) == 7
    assert store.paths("metrics") == [PATH]
    assert store.paths() == ["_ours", PATH, "queries/_claims/0-0"]
    assert store.topics() == ["metrics", "queries"]
    with store.open(PATH) as file:
        file.seek(3)
        assert file.read() == b"tent"
    store.delete(PATH)
    assert store.paths("metrics") == []


def test_what_is_staged_is_unseen_and_gone_unless_published(store: Store) -> None:
    with store.stage("metrics") as staged:
        staged.file.write(b"content")
        staged.file.flush()
        assert PATH not in store.paths()
        staged.file.seek(0)
        assert staged.file.read() == b"content"
    assert store.paths() == []


def test_of_several_creations_one_succeeds(store: Store) -> None:
    won: list[int] = []
    start = threading.Barrier(8)

    def create(number: int) -> None:
        start.wait()
        try:
            store.create("metrics/_claims/0-0", b"%d" % number)
        except FileExistsError:
            return
        won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("metrics/_claims/0-0") == b"%d" % won[0]
    assert store.paths() == ["metrics/_claims/0-0"]


def test_a_topic_that_is_not_there_is_named(store: Store) -> None:
    publish(store, PATH, b"")
    assert topics_of(store) == ["metrics"]
    with pytest.raises(ArchiveError, match=r"no topic metric; the topics are: metrics"):
        topics_of(store, ["metric"])


def test_a_directory_keeps_what_was_published_first(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    publish(store, PATH, b"first")
    publish(store, PATH, b"second")
    assert store.read(PATH) == b"first"
    assert store.paths() == [PATH]


def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = LocalStore(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        store.create("metrics/_claims/0-0", b"")
    with pytest.raises(NotADirectoryError):
        store.paths()


def test_a_file_system_without_links_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(ArchiveError, match=r"no hard links, which archive\.directory needs"):
        LocalStore(tmp_path).create("metrics/_claims/0-0", b"")


class OverwritingFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """One that knows no exclusive creation."""

    protocol = "overwriting"

    def pipe_file(self, path: str, value: bytes, **_options: Any) -> None:
        super().pipe_file(path, value)


@pytest.fixture
def overwriting() -> Iterator[str]:
    fsspec.register_implementation("overwriting", OverwritingFileSystem, clobber=True)
    yield "overwriting://archive"
    OverwritingFileSystem.store.clear()


def test_a_file_system_that_overwrites_claims_is_refused(overwriting: str) -> None:
    assert open_store(overwriting).paths() == []
    with pytest.raises(ArchiveError, match=r"archive\.directory\).*only where there is none"):
        open_store(overwriting, writing=True)


def test_a_url_that_nothing_knows() -> None:
    with pytest.raises(ArchiveError, match=r"nothing://x \(archive.directory\)"):
        RemoteStore("nothing://x")
