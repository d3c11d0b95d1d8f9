"""Where a process keeps its indexes: a directory that no other process uses meanwhile."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from streams.home import home
from streams.settings import Settings

logger = logging.getLogger(__name__)

MOST_PROCESSES = 256


def index_directory(settings: Settings, role: str, environment: Mapping[str, str]) -> Path:
    """In ``feedback.index_dir``, else ``index`` in the ``home``."""
    given = settings.feedback.index_dir
    root = Path(given) if given else home(environment) / "index"
    return root / f"{settings.kafka.prefix}{role}"


class IndexHome:
    """The first of the directories ``0``, ``1``, ... that is free; locked until ``close``.

    So a process that is started again finds what it knew, and two on one machine never share a
    file. The kernel frees the lock of a process that is killed. Where nothing can be written, a
    temporary directory: an index is only a cache.
    """

    def __init__(self, root: Path) -> None:
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._lock = -1
        try:
            self.path = self._first_free(root)
        except OSError as error:
            logger.warning("no index can be kept in %s (%s): it is made anew", root, error)
            self._temporary = tempfile.TemporaryDirectory(prefix="zeta-index-")
            self.path = Path(self._temporary.name)

    def _first_free(self, root: Path) -> Path:
        for number in range(MOST_PROCESSES):
            path = root / str(number)
            path.mkdir(parents=True, exist_ok=True)
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                self._lock = lock
                return path
        raise OSError(errno.EBUSY, f"{MOST_PROCESSES} processes have an index here")

    def close(self) -> None:
        """Leaves the directory to others."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        if self._temporary is not None:
            self._temporary.cleanup()
