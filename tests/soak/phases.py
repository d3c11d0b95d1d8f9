"""The load of a soak test: as much as it takes, a steady part of that, and far too much."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos.asking import Ask, plain
from tests.chaos.load import Load
from tests.soak.watching import Watch

SEED = 0


@dataclass
class Client:
    """Sends queries and knows which are unanswered; numbers go on from phase to phase."""

    load: Load
    watch: Watch
    numbers: Iterator[int]

    @classmethod
    def of(cls, load: Load, watch: Watch) -> Client:
        """One that begins at query 0."""
        return cls(load, watch, itertools.count())

    def _next(self) -> Ask:
        row = plain(SEED, next(self.numbers))
        self.watch.asked(row.query_id)
        return row

    async def saturate(self, outstanding: int, for_s: float) -> float:
        """Keeps so many queries unanswered; returns answers per second in the later half."""
        ends_s = time.monotonic() + for_s
        while time.monotonic() < ends_s:
            room = outstanding - len(self.watch.unanswered)
            if room > 0:
                await self.load.burst(self._next() for _ in range(room))
            self.watch.changed.clear()
            await self.watch.changed.wait()
        return len(self.watch.between(ends_s - for_s / 2, ends_s)) / (for_s / 2)

    async def steady(self, rate: float, for_s: float) -> tuple[float, float]:
        """Sends at this rate; returns when it began and ended."""
        began_s = time.monotonic()
        self.load.rate = rate
        await self.load.run(self._next() for _ in range(round(rate * for_s)))
        return began_s, time.monotonic()

    async def catch_up(self, within_s: float) -> float | None:
        """Seconds until everything is answered; None when it isn't in time."""
        began_s = time.monotonic()
        while self.watch.unanswered:
            if time.monotonic() - began_s > within_s:
                return None
            await asyncio.sleep(0.2)
        return time.monotonic() - began_s
