"""Grading from an event loop: slow graders go to a thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from agents.graders import GRADERS, SLOW_GRADERS
from agents.graders.grade import GradeError
from schemas.query import Reference
from schemas.response import Response


async def accuracy(
    response: Response, reference: Reference, executor: Executor | None = None
) -> float:
    """The grade by the grader that ``reference.kind`` names, 0..1; never blocks the loop.

    ``executor`` bounds how many slow ones run at once (the loop's own threads when None).

    Raises:
        GradeError: no such kind, or a value that its grader can't take.
    """
    if (grader := GRADERS.get(reference.kind)) is not None:
        return grader(response, reference)
    if (slow := SLOW_GRADERS.get(reference.kind)) is not None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor, slow, response, reference)
    known = ", ".join((*GRADERS, *SLOW_GRADERS))
    raise GradeError(f"reference.kind {reference.kind!r} has no grader; kinds are {known}")
