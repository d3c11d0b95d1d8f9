"""What is compared: anything that chooses a model for one query at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from agents.evaluation.draws import Draw
from schemas.query import Query


@dataclass(frozen=True)
class Answer:
    """What the chosen model answered, as far as it was recorded.

    ``grade``: 0 to 1; ``latency_s``: seconds, NaN where unknown; ``cost_usd``: likewise.
    """

    query: Query
    model: str
    grade: float
    latency_s: float
    cost_usd: float


class Router(Protocol):
    """Sees queries in order, and of the answers only its own choices'."""

    async def reach(self, at: int, /) -> None:
        """Time passes: it is now ``at``, Unix ms."""
        ...

    async def choose(self, query: Query, /) -> str:
        """The model for a query."""
        ...

    async def learn(self, answer: Answer, /) -> None:
        """The chosen model's answer to the last query, before the next one is asked."""
        ...


Opened = AbstractAsyncContextManager[Router]
Opening = Callable[[Draw], Opened]
"""A router for one draw, from a cold start."""


def opening(make: Callable[[Draw], Router]) -> Opening:
    """For routers that leave nothing behind."""

    @asynccontextmanager
    async def opened(draw: Draw) -> AsyncIterator[Router]:
        yield make(draw)

    return opened


class Windowed:
    """A router that is told of its answers only when a window closes, as ours is."""

    def __init__(self, router: Router, size_ms: int) -> None:
        self._router = router
        self._size_ms = size_ms
        self._ends_at = size_ms
        self._held: list[Answer] = []

    async def reach(self, at: int, /) -> None:
        """Lets out what was held back, at each window's end."""
        if at >= self._ends_at:
            self._ends_at = (at // self._size_ms + 1) * self._size_ms
            held, self._held = self._held, []
            for answer in held:
                await self._router.learn(answer)
        await self._router.reach(at)

    async def choose(self, query: Query, /) -> str:
        """The router's own choice."""
        return await self._router.choose(query)

    async def learn(self, answer: Answer, /) -> None:
        """Holds the answer back."""
        self._held.append(answer)


def windowed(opened: Opening, size_ms: int) -> Opening:
    """The same router, told of its answers at the windows' ends (``size_ms`` in milliseconds)."""

    @asynccontextmanager
    async def late(draw: Draw) -> AsyncIterator[Router]:
        async with opened(draw) as router:
            yield Windowed(router, size_ms)

    return late
