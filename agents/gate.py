"""Work that must wait until something is known, in the order in which it came."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

Work: TypeAlias = Callable[[], Awaitable[None]]


class Gate:
    """Closed at first. Work is done at once when it is open, else when it opens, in order."""

    def __init__(self) -> None:
        self._held: deque[Work] = deque()
        self.is_open = False

    async def enter(self, work: Work) -> None:
        """Does the work, or keeps it."""
        if self.is_open:
            await work()
        else:
            self._held.append(work)

    async def open(self) -> None:
        """Does what was kept, what comes meanwhile included; then it is open."""
        while self._held:
            await self._held.popleft()()
        self.is_open = True
