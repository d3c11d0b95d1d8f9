"""Bytes on their way to a file: what the disk has no room for stays in memory, and loses nothing.

A Parquet writer whose write has failed can't go on. So it writes here, which never fails, and
``settle`` takes it to the disk; after an error it goes on where it stopped.
"""

from __future__ import annotations

import os
from typing import BinaryIO


class Spool:
    """A file to be written from its beginning, for ``pyarrow.parquet.ParquetWriter``.

    Args:
        file: empty, unbuffered as far as we go: nothing else writes to it meanwhile.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor = file.fileno()
        self._held = bytearray()
        self._written = 0
        self.closed = False

    @property
    def held_bytes(self) -> int:
        """What is in memory."""
        return len(self._held)

    def write(self, data: bytes) -> int:
        """Takes bytes; they are in memory until ``settle``."""
        self._held += data
        return len(data)

    def settle(self) -> None:
        """Writes what is held. Blocks.

        Raises:
            OSError: there is no room for it; what isn't written is still held.
        """
        while self._held:
            count = os.pwrite(self._descriptor, self._held, self._written)
            self._written += count
            del self._held[:count]

    def tell(self) -> int:
        """How many bytes were taken."""
        return self._written + self.held_bytes

    def flush(self) -> None:
        """The writer's, which must not fail: see ``settle``."""

    def close(self) -> None:
        """The writer's; the file stays open."""
        self.closed = True

    def readable(self) -> bool:
        """It isn't."""
        return False

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It isn't."""
        return False
