"""Work on a disk that may be full: it waits for room, instead of ending the process.

A process that ended would be started again, to fail again, until whoever looks after it gives up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from streams.archive.store import ArchiveError, is_full

logger = logging.getLogger(__name__)

RETRY_S = 1.0
TELL_S = 60.0


class Room:
    """Runs what blocks in threads, again and again while the disk has no room for it.

    Nothing else may be lost by such an error: see ``PartitionArchive``.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, retry_s: float = RETRY_S
    ) -> None:
        self._clock = clock
        self._retry_s = retry_s
        self._since: float | None = None
        self._told_at = 0.0

    async def run(self, work: Callable[[], None]) -> None:
        """Returns once it is done.

        Raises:
            ArchiveError: it failed for another reason than want of room.
        """
        while True:
            try:
                await asyncio.to_thread(work)
                break
            except ArchiveError as error:
                await self.wait(error)
        if self._since is not None:
            logger.warning("there is room again, after %.0f s", self._clock() - self._since)
            self._since = None

    async def wait(self, error: ArchiveError) -> None:
        """Waits a while, if that error is for want of room; else raises it."""
        if not is_full(error):
            raise error
        now = self._clock()
        if self._since is None:
            self._since, self._told_at = now, now - TELL_S
        if now - self._told_at >= TELL_S:
            self._told_at = now
            logger.error("waits for room; the broker keeps what isn't archived: %s", error)
        await asyncio.sleep(self._retry_s)
