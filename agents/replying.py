"""What a worker tells whoever asked: answers, and why there is none."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from agents.answering import addressed, error_answer, seconds_between
from agents.judging import is_sampled
from agents.model_error import ModelError
from schemas.assignment import Assignment
from schemas.response import Response
from streams.clock import NowMs
from streams.producing import Outbox, RecordTooLargeError
from streams.settings import Settings


class Replies:
    """Sends to ``responses``, with the header that names whom it is for.

    Args:
        settings: which answers take their query along, for a judge.
        name: the model's.
        outbox: what it sends with.
        now_ms: Unix time in milliseconds.
    """

    def __init__(self, settings: Settings, name: str, outbox: Outbox, now_ms: NowMs) -> None:
        self._settings = settings
        self._name = name
        self._outbox = outbox
        self._now_ms = now_ms

    async def answer(self, response: Response, assignment: Assignment) -> None:
        """Sends it; with its query where a judge may want that, and there is room for it.

        Raises:
            RecordTooLargeError: there is no room for the answer itself.
        """
        query = assignment.query
        if is_sampled(
            self._settings,
            query_id=query.query_id,
            attempt=assignment.attempt,
            task=assignment.task,
            reference=query.reference,
        ):
            with suppress(RecordTooLargeError):
                await self._send(msgspec.structs.replace(response, query=query))
                return
        await self._send(response)

    async def late(self, assignment: Assignment, why: str) -> None:
        """Says that the time limit has passed."""
        limit_s = seconds_between(assignment.asked_at, assignment.deadline_at)
        message = f"no answer within its time limit of {limit_s:g} s; {self._name}: {why}"
        await self.error(assignment, ModelError("deadline", message))

    async def error(self, assignment: Assignment, error: ModelError) -> None:
        """Says what went wrong."""
        await self._send(error_answer(assignment, error.kind, error.message, self._now_ms()))

    async def unblamed(self, assignment: Assignment, error: ModelError) -> None:
        """Says it without the decision: the model had no part in it, and gets no outcome."""
        await self.error(msgspec.structs.replace(assignment, decision=None), error)

    async def invalid(self, query_id: str, problem: str) -> None:
        """Says that the record wasn't a query that can be served."""
        await self._send(error_answer(query_id, "invalid", problem, self._now_ms()))

    async def _send(self, response: Response) -> None:
        headers = addressed(response.reply_to)
        await self._outbox.send("responses", response, key=response.query_id, headers=headers)
