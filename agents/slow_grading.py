"""Graders that take seconds, a few at a time and beside the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from agents.graders.grading import accuracy
from schemas.query import Reference
from schemas.response import Response
from streams.settings import Grading

logger = logging.getLogger(__name__)

LOG_EVERY = 100


class SlowGrading:
    """At most ``concurrency`` at a time, and at most ``waiting`` that wait for their turn."""

    def __init__(self, grading: Grading) -> None:
        self._most = grading.concurrency + grading.waiting
        self._slots = asyncio.Semaphore(grading.concurrency)
        self._executor = ThreadPoolExecutor(grading.concurrency, "grading")
        self._present = 0
        self._refused = 0

    def refuses(self) -> bool:
        """Whether there is no room to wait: then the answer is not graded, and is counted."""
        if self._present < self._most:
            return False
        if self._refused % LOG_EVERY == 0:
            logger.warning("%d answers not graded: too many wait for it", self._refused + 1)
        self._refused += 1
        return True

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn, and has it."""
        self._present += 1
        try:
            async with self._slots:
                yield
        finally:
            self._present -= 1

    async def accuracy(self, response: Response, reference: Reference) -> float:
        """The grade, 0..1; within a ``turn``.

        Raises:
            GradeError: a value that the grader can't take, or no sandbox to be had.
        """
        return await accuracy(response, reference, self._executor)

    def close(self) -> None:
        """Takes nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
