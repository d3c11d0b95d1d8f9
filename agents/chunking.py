"""A streamed answer on its way to ``chunks``."""

from __future__ import annotations

from agents.answering import addressed
from schemas.assignment import Assignment
from schemas.chunk import Chunk
from streams.producing import Outbox


class Chunks:
    """Sends the pieces of one attempt's stream, numbered; after the first there is no reroute."""

    def __init__(self, outbox: Outbox, model: str, assignment: Assignment) -> None:
        self._outbox = outbox
        self._model = model
        self._assignment = assignment
        self.number = 0

    async def __call__(self, text: str) -> None:
        """Sends the next piece."""
        number, self.number = self.number, self.number + 1
        query = self._assignment.query
        chunk = Chunk(
            query_id=query.query_id,
            attempt=self._assignment.attempt,
            number=number,
            text=text,
            model=self._model,
            reply_to=query.reply_to,
            decision=None if number else self._assignment.decision,
        )
        headers = addressed(query.reply_to)
        await self._outbox.send("chunks", chunk, key=query.query_id, headers=headers)
