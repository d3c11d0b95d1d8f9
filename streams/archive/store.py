"""Where an archive is kept: a directory, or any URL that fsspec knows.

Paths are relative to the root, with ``/`` between their parts. Every call blocks: give it a
thread. What is published is whole and durable, or it isn't there.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from errno import EDQUOT, ENOSPC
from typing import BinaryIO, Protocol

from streams.archive.naming import CLAIMS


class ArchiveError(RuntimeError):
    """An archive can't be used as it should: names the file or the setting, and why."""


def is_full(error: ArchiveError) -> bool:
    """Whether it is for want of room: what failed may be tried again."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in (ENOSPC, EDQUOT)


class Staged(Protocol):
    """A file that nobody else sees yet."""

    @property
    def file(self) -> BinaryIO:
        """To be written; seekable and readable, too."""
        ...

    def publish(self, path: str) -> None:
        """Makes it visible under its final path, whole and durable.

        One that is there already has the same records, so it doesn't matter which one stays.
        """
        ...


class Store(Protocol):
    """The files of an archive. Errors of the operating system name the file."""

    @property
    def root(self) -> str:
        """The directory or URL, for messages."""
        ...

    def paths(self, directory: str = "") -> list[str]:
        """The paths of all files below a directory, sorted; none when it isn't there."""
        ...

    def topics(self) -> list[str]:
        """The directories at the root that don't begin with ``_`` or ``.``, sorted."""
        ...

    def size(self, path: str) -> int:
        """In bytes; raises FileNotFoundError."""
        ...

    def modified_at(self, path: str) -> int:
        """When it was written last, in Unix ms; raises FileNotFoundError."""
        ...

    def read(self, path: str) -> bytes:
        """A small file; raises FileNotFoundError."""
        ...

    def open(self, path: str) -> BinaryIO:
        """A seekable file to read from; raises FileNotFoundError."""
        ...

    def create(self, path: str, content: bytes) -> None:
        """Makes a small file, with its content, if there is none: of several, one succeeds.

        Raises:
            FileExistsError: there is one.
        """
        ...

    def stage(self, topic: str) -> AbstractContextManager[Staged]:
        """A file of a topic, to be written and then published; else it is gone at the end."""
        ...

    def delete(self, path: str) -> None:
        """Removes a file; none there is no error."""
        ...


def claims_in(store: Store, topic: str) -> list[str]:
    """The paths of a topic's claims."""
    return store.paths(f"{topic}/{CLAIMS}")


def topics_of(store: Store, wanted: Iterable[str] = ()) -> list[str]:
    """The topics that an archive holds; of ``wanted``, unless that is empty.

    Raises:
        ArchiveError: one that is wanted isn't there.
    """
    there = store.topics()
    names = sorted(set(wanted)) or there
    for name in names:
        if name not in there:
            known = ", ".join(there) or "none"
            raise ArchiveError(f"{store.root}: no topic {name}; the topics are: {known}")
    return names
