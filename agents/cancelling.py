"""Queries whose client has left: they get no call, and one under way is ended."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from agents.model_error import ModelError
from schemas.cancellation import Cancellation
from streams.clock import loop_s

T = TypeVar("T")

KEPT_S = 3600.0
"""As long as ``cancellations`` keeps them: what waits longer is answered all the same."""

MOST_KEPT = 100_000
"""The oldest are forgotten beyond that; each takes some 200 bytes."""


class Cancellations:
    """What one worker knows of clients that have left. It belongs to one event loop.

    Args:
        clock_s: seconds of a clock that only goes forward.
        most: how many it remembers.
    """

    def __init__(self, clock_s: Callable[[], float] = loop_s, most: int = MOST_KEPT) -> None:
        self._clock_s = clock_s
        self._most = most
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._running: dict[str, list[asyncio.Timeout]] = {}

    def put(self, cancellation: Cancellation) -> None:
        """Takes note of one, and ends what is under way for its query."""
        now_s, name = self._clock_s(), cancellation.query_id
        self._known.pop(name, None)
        self._known[name] = (now_s, cancellation.reason)
        self._forget(now_s)
        for scope in self._running.get(name, ()):
            if not scope.expired():
                scope.reschedule(loop_s())

    def _forget(self, now_s: float) -> None:
        while self._known:
            since_s, _ = next(iter(self._known.values()))
            if len(self._known) <= self._most and now_s - since_s < KEPT_S:
                return
            self._known.popitem(last=False)

    def why(self, query_id: str) -> str | None:
        """Why the query was cancelled, in words; None: it was not, for all that is known."""
        known = self._known.get(query_id)
        if known is None or self._clock_s() - known[0] >= KEPT_S:
            return None
        return f"the client has left: {known[1]}" if known[1] else "the client has left"

    async def unless(self, query_id: str, doing: Callable[[], Awaitable[T]]) -> T:
        """What ``doing()`` gives; it is cancelled when the query is, and not begun if it was.

        Raises:
            ModelError: ``cancelled``.
        """
        if (why := self.why(query_id)) is not None:
            raise ModelError("cancelled", why, asked=False)
        try:
            async with asyncio.timeout(None) as scope:
                with self._noted(query_id, scope):
                    return await doing()
        except TimeoutError:
            if not scope.expired():
                raise
            why = self.why(query_id) or "the client has left"
            raise ModelError("cancelled", why) from None

    @contextmanager
    def _noted(self, query_id: str, scope: asyncio.Timeout) -> Iterator[None]:
        scopes = self._running.setdefault(query_id, [])
        scopes.append(scope)
        try:
            yield
        finally:
            scopes.remove(scope)
            if not scopes:
                del self._running[query_id]
