"""A small disk for the archive, which can be full: a tmpfs, where mounting is permitted."""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import suppress
from pathlib import Path

SIZE_MB = 256
CHUNK = 1024 * 1024


class SmallDisk:
    """A file system of its own at ``path``; where none can be had, a plain directory.

    ``possible`` says which: a full disk that isn't possible here is told, never passed over.
    """

    def __init__(self, path: Path) -> None:
        """Mounts it."""
        self.path = path
        self._filler = path / "_filler"
        path.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.possible = done.returncode == 0
            self.problem = done.stderr.strip()
        except FileNotFoundError:
            self.possible, self.problem = False, "there is no mount command"

    def fill(self) -> None:
        """Leaves no byte free, whatever others write meanwhile."""
        for size in (CHUNK, 4096):
            with self._filler.open("ab", buffering=0) as file, suppress(_Full):
                while True:
                    _write(file.fileno(), size)

    @property
    def free_bytes(self) -> int:
        """What is left."""
        return os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize

    def free(self) -> None:
        """Gives the space back."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmounts it."""
        if self.possible:
            subprocess.run(["umount", "--lazy", str(self.path)], check=False)


class _Full(Exception):  # noqa: N818 - what is wanted here
    pass


def _write(descriptor: int, size: int) -> None:
    try:
        os.write(descriptor, bytes(size))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _Full from error
        raise
