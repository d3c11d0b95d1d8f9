"""Requests that wait for their answers, and what has come for each. No I/O."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager

from agents.serving.limits import too_many
from agents.serving.refusals import Refusal
from agents.serving.telling import Telling
from schemas.chunk import Chunk
from schemas.response import Response
from streams.clock import loop_s

MOST_PIECES = 1000
"""So many pieces wait for a slow reader; what comes beyond is told at the end, with the answer."""

AGAIN_S = 1.0


class Waiter:
    """One request: what has come for it.

    Args:
        stream: whether it wants pieces.
        most: characters that an answer can have; a stream of more is told no further.
        until_s: when it gives up, by the event loop's clock.
    """

    def __init__(self, *, stream: bool, most: int, until_s: float) -> None:
        self.stream = stream
        self._until_s = until_s
        self.first: Chunk | None = None
        self.response: Response | None = None
        self.closing = False
        self.telling = Telling()
        self._most = most
        self._pieces: list[str] = []
        self._changed = asyncio.Event()

    def put_chunk(self, chunk: Chunk) -> None:
        """A piece has come; it counts only if there is room, and nothing is missing before it."""
        if len(self._pieces) >= MOST_PIECES or self.telling.length + len(chunk.text) > self._most:
            return
        if piece := self.telling.take(chunk):
            self._pieces.append(piece)
        if self.first is None or chunk.decision is not None:
            self.first = chunk
        self._changed.set()

    def put_response(self, response: Response) -> None:
        """The answer has come; one that comes again changes nothing."""
        if self.response is None:
            self.response = response
            self._changed.set()

    def close(self) -> None:
        """Nothing more will come: this process ends."""
        self.closing = True
        self._changed.set()

    def pieces(self) -> str:
        """What came since the last call, as one text."""
        text = "".join(self._pieces)
        self._pieces.clear()
        return text

    async def changed(self, within_s: float) -> bool:
        """Waits until something comes, the answer or a piece; False when nothing does in time.

        Raises:
            Refusal: 504, its time is up; 503, this process ends.
        """
        left_s = self._until_s - loop_s()
        try:
            async with asyncio.timeout(min(within_s, left_s)):
                await self._changed.wait()
        except TimeoutError:
            if left_s <= within_s:
                raise Refusal(504, "deadline", "no answer within the time limit") from None
            return False
        self._changed.clear()
        if self.closing and self.response is None:
            raise shutting_down()
        return True

    async def answer(self) -> Response:
        """Waits for the answer.

        Raises:
            Refusal: as ``changed``.
        """
        while self.response is None:
            await self.changed(math.inf)
        return self.response


class Waiting:
    """All that wait, by their query's id; each is forgotten when its block ends.

    Args:
        most: how many may wait at a time.
        longest: characters that an answer can have.
    """

    def __init__(self, most: int, longest: int) -> None:
        self._most = most
        self._longest = longest
        self._waiters: dict[str, Waiter] = {}
        self.closing = False
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiters)

    def get(self, query_id: str) -> Waiter | None:
        """Who waits for this query's answer."""
        return self._waiters.get(query_id)

    @contextmanager
    def entered(self, query_id: str, *, stream: bool, until_s: float) -> Iterator[Waiter]:
        """Waits for as long as the block lasts.

        Raises:
            Refusal: 429, too many do; 503, this process ends.
        """
        if self.closing:
            raise shutting_down()
        if len(self._waiters) >= self._most:
            message = f"{self._most} requests wait for answers already"
            raise too_many("too_many_waiting", message, AGAIN_S)
        waiter = Waiter(stream=stream, most=self._longest, until_s=until_s)
        self._waiters[query_id] = waiter
        try:
            yield waiter
        finally:
            del self._waiters[query_id]
            self._left.set()

    def refuse(self) -> None:
        """From now on nobody may begin to wait."""
        self.closing = True

    async def emptied(self) -> None:
        """Returns once nobody waits."""
        while self._waiters:
            self._left.clear()
            await self._left.wait()

    def close(self) -> None:
        """Sends everybody away."""
        self.refuse()
        for waiter in self._waiters.values():
            waiter.close()


def shutting_down() -> Refusal:
    """What clients of a process that ends are told; another replica can answer them."""
    return Refusal(503, "shutting_down", "this gateway is ending; ask again", headers=_AGAIN)


_AGAIN = {"Retry-After": "1", "Connection": "close"}
