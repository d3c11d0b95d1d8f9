"""An archive in a directory of this machine, or of one that is mounted here."""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EOPNOTSUPP, EPERM
from pathlib import Path
from typing import BinaryIO, cast

from streams.archive.naming import TEMPORARY
from streams.archive.store import ArchiveError

# Long after a file was made, and its owner had locked it.
ABANDONED_S = 60.0


class LocalStore:
    """See ``Store``. A file gets its name by a hard link, which fails if the name is taken.

    So a reader never sees half a file, and of two processes that create a claim one fails. Files
    and their directories are synced before a publication counts.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> str:
        """See ``Store``."""
        return str(self._root)

    def paths(self, directory: str = "") -> list[str]:
        """See ``Store``. Links are not followed."""
        top = self._root / directory
        found = []
        for folder, _, names in os.walk(top, onerror=_raise_unless_missing):
            inside = Path(folder).relative_to(self._root)
            found += [(inside / name).as_posix() for name in names]
        return sorted(found)

    def topics(self) -> list[str]:
        """See ``Store``."""
        with suppress(FileNotFoundError):
            return sorted(
                row.name for row in self._root.iterdir() if row.is_dir() and row.name[0] not in "_."
            )
        return []

    def size(self, path: str) -> int:
        """See ``Store``."""
        return (self._root / path).stat().st_size

    def modified_at(self, path: str) -> int:
        """See ``Store``."""
        return (self._root / path).stat().st_mtime_ns // 1_000_000

    def read(self, path: str) -> bytes:
        """See ``Store``."""
        return (self._root / path).read_bytes()

    def open(self, path: str) -> BinaryIO:
        """See ``Store``."""
        return (self._root / path).open("rb")

    def create(self, path: str, content: bytes) -> None:
        """See ``Store``."""
        with self._temporary(path.rpartition("/")[0].partition("/")[0]) as temporary:
            with temporary.open("wb") as file:
                file.write(content)
                _sync(file)
            _link(temporary, self._root / path)

    @contextmanager
    def stage(self, topic: str) -> Iterator[LocalStaged]:
        """See ``Store``. The temporary file is beside the topic's others, on the same disk."""
        with self._temporary(topic) as temporary, temporary.open("wb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed, or the process is killed
            yield LocalStaged(cast(BinaryIO, file), temporary, self._root)

    def check(self, now_s: Callable[[], float] = time.time) -> None:
        """Tries whether claims can be made, and clears away what killed processes have left.

        Raises:
            ArchiveError: the directory can't be written.
        """
        path = f"_{uuid.uuid4().hex}"
        try:
            self.create(path, b"")
            self.delete(path)
            for left in self._root.glob(f"**/{TEMPORARY}/*"):
                _delete_abandoned(left, now_s())
        except OSError as error:
            raise ArchiveError(f"{self._root} (archive.directory): {error}") from error

    def delete(self, path: str) -> None:
        """See ``Store``."""
        (self._root / path).unlink(missing_ok=True)

    @contextmanager
    def _temporary(self, topic: str) -> Iterator[Path]:
        folder = self._root / topic / TEMPORARY
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / uuid.uuid4().hex
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class LocalStaged:
    """See ``Staged``."""

    file: BinaryIO
    temporary: Path
    root: Path

    def publish(self, path: str) -> None:
        """See ``Staged``."""
        try:
            _sync(self.file)
        except OSError as error:
            # The kernel may have dropped the bytes: another sync would say that all is well.
            problem = f"can't be known to be on the disk: {error}"
            raise ArchiveError(f"{self.root / path}: {problem}") from None
        with suppress(FileExistsError):
            _link(self.temporary, self.root / path)


def _delete_abandoned(file: Path, now_s: float) -> None:
    """Deletes a temporary file that no living process holds."""
    with suppress(FileNotFoundError, BlockingIOError), file.open("rb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if now_s - file.stat().st_mtime > ABANDONED_S:  # a new one may not be locked yet
            file.unlink()


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _link(temporary: Path, final: Path) -> None:
    made = [folder for folder in final.parents if not folder.exists()]
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(temporary, final)
    except OSError as error:
        if error.errno in (EPERM, EOPNOTSUPP):
            problem = "its file system has no hard links, which archive.directory needs"
            raise ArchiveError(f"{final}: {problem}") from error
        raise
    for folder in {final.parent, *(folder.parent for folder in made)}:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
