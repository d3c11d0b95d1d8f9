"""An archive behind an fsspec URL: an object store, where an upload is atomic."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import fsspec  # type: ignore[import-untyped]

from streams.archive.store import ArchiveError

# Their "directories" at the top are buckets, which nobody makes by a slip of the pen.
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az"})


class _Translated:
    """A file system; its library's own errors (no credentials, no server) are an archive's."""

    def __init__(self, files: Any, url: str) -> None:
        self._files = files
        self._url = url
        protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)
        self.has_buckets = bool(protocols & _BUCKETS)
        self._errors = _own_errors() if protocols & {"s3", "s3a"} else ()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._files, name)

        def translated(*arguments: Any, **options: Any) -> Any:
            try:
                return call(*arguments, **options)
            except self._errors as error:
                raise ArchiveError(f"{self._url}: {error}") from error

        return translated


def _own_errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    return (BotoCoreError,)


class RemoteStore:
    """See ``Store``. A file is staged in the machine's temporary directory, then uploaded."""

    def __init__(self, url: str) -> None:
        try:
            found = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ArchiveError(f"{url} (archive.directory): {error}") from error
        self._files: Any = _Translated(found[0], url)
        self._base = str(found[1]).rstrip("/")
        self._url = url

    @property
    def root(self) -> str:
        """See ``Store``."""
        return self._url

    def paths(self, directory: str = "") -> list[str]:
        """See ``Store``."""
        self._files.invalidate_cache()
        with suppress(FileNotFoundError):
            return sorted(map(self._relative, self._files.find(self._at(directory))))
        return []

    def topics(self) -> list[str]:
        """See ``Store``."""
        self._files.invalidate_cache()
        try:
            rows = self._files.ls(self._at(""), detail=True)
        except FileNotFoundError:
            return []
        names = (self._relative(row["name"]) for row in rows if row["type"] == "directory")
        return sorted(name for name in names if name and name[0] not in "_.")

    def size(self, path: str) -> int:
        """See ``Store``."""
        return int(self._files.size(self._at(path)))

    def modified_at(self, path: str) -> int:
        """See ``Store``."""
        return int(self._files.modified(self._at(path)).timestamp() * 1000)

    def read(self, path: str) -> bytes:
        """See ``Store``."""
        return bytes(self._files.cat_file(self._at(path)))

    def open(self, path: str) -> BinaryIO:
        """See ``Store``."""
        return cast(BinaryIO, self._files.open(self._at(path), "rb"))

    def create(self, path: str, content: bytes) -> None:
        """See ``Store``: a conditional put, where the file system has one (``check`` tells)."""
        where = self._at(path)
        _with_folder(
            self._files, where, lambda: self._files.pipe_file(where, content, mode="create")
        )

    @contextmanager
    def stage(self, topic: str) -> Iterator[RemoteStaged]:
        """See ``Store``."""
        with tempfile.NamedTemporaryFile(prefix=f"{topic}-") as file:
            yield RemoteStaged(cast(BinaryIO, file), file.name, self._files, self._base)

    def delete(self, path: str) -> None:
        """See ``Store``."""
        with suppress(FileNotFoundError):
            self._files.rm_file(self._at(path))

    def check(self) -> None:
        """Tries whether a second creation of a file is refused, as claims need it.

        Raises:
            ArchiveError: it isn't; two archivers could publish the same records.
        """
        path = f"_{uuid.uuid4().hex}"
        try:
            self.create(path, b"1")
            self.create(path, b"2")
        except FileExistsError:
            return
        except OSError as error:
            raise ArchiveError(f"{self._url} (archive.directory): {error}") from error
        except (TypeError, ValueError, NotImplementedError) as error:
            raise self._unfit() from error
        finally:
            with suppress(OSError, ArchiveError):
                self.delete(path)
        raise self._unfit()

    def _unfit(self) -> ArchiveError:
        problem = "can't create a file only where there is none, which an archiver needs"
        return ArchiveError(f"{self._url} (archive.directory): this file system {problem}")

    def _at(self, path: str) -> str:
        return f"{self._base}/{path}" if path else self._base

    def _relative(self, name: str) -> str:
        return name.removeprefix(self._base).strip("/")


@dataclass(frozen=True)
class RemoteStaged:
    """See ``Staged``."""

    file: BinaryIO
    name: str
    files: Any
    base: str

    def publish(self, path: str) -> None:
        """See ``Staged``: an upload that fails leaves nothing behind."""
        self.file.flush()
        final = f"{self.base}/{path}"
        _with_folder(self.files, final, lambda: self.files.put_file(self.name, final))


def _with_folder(files: Any, path: str, write: Callable[[], object]) -> None:
    """Object stores need no directory; others get it when it is missing."""
    try:
        write()
    except FileNotFoundError:
        if files.has_buckets:
            raise
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        write()
