"""One run of ``zeta bench balance``: real topics, every role a process, real HTTP models."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass

from agents.client import Client
from agents.comparison.balance_figures import Answered
from agents.demo import POLL_S, Say, Watcher, models_up, until
from agents.supervising import Child, supervised
from schemas.query import Query
from schemas.response import Response
from streams.admin import create_topics
from streams.settings import Settings

ANSWER_TIMEOUT_S = 60.0
GRADES_WITHIN_S = 10.0


@dataclass(frozen=True)
class Load:
    """What is asked, and when: seconds from the start, increasing, one per query."""

    queries: Sequence[Query]
    at_s: Sequence[float]


async def play(
    settings: Settings, children: Sequence[Child], load: Load, say: Say
) -> list[Answered]:
    """Starts the processes, asks, and ends them; what became of the queries that were answered.

    Raises:
        DemoError: a process gave up, or they weren't ready within a minute.
    """
    await create_topics(settings)
    watcher = Watcher(settings)
    async with supervised(children, say) as gave_up, watcher.watching():
        await models_up(settings, gave_up)
        await until(watcher.ready, "the first rules and the workers", gave_up)
        responses, started_at = await _ask(settings, load)
        answered = {one.query_id for one in responses if one.error is None}
        await _graded(watcher, answered)
    return [_answered(one, watcher, started_at) for one in responses]


async def _ask(settings: Settings, load: Load) -> tuple[list[Response], int]:
    """Every query's first response, and when the first query was asked (Unix ms)."""
    ids = {query.query_id for query in load.queries}
    async with Client(settings) as client:
        sending = asyncio.create_task(_send(client, load))
        timeout_s = load.at_s[-1] + ANSWER_TIMEOUT_S
        responses = [one async for one in client.answers(ids, timeout_s)]
        await sending
    return responses, min(map(_asked_at, responses), default=0)


async def _send(client: Client, load: Load) -> None:
    """By the clock and not by pauses, so that a delay does not stretch the load."""
    clock = asyncio.get_running_loop().time
    start = clock()
    for query, at_s in zip(load.queries, load.at_s, strict=True):
        await asyncio.sleep(max(0.0, start + at_s - clock()))
        await client.send(query)
    await client.flush()


async def _graded(watcher: Watcher, wanted: Set[str]) -> None:
    """Waits for the grades, but not for ever: what has none by then has none."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GRADES_WITHIN_S):
            while not wanted <= watcher.grades.keys():  # noqa: ASYNC110 - others fill it
                await asyncio.sleep(POLL_S)


def _asked_at(response: Response) -> int:
    return response.answered_at - round(response.timings.total_s * 1000)


def _answered(response: Response, watcher: Watcher, started_at: int) -> Answered:
    return Answered(
        asked_s=(_asked_at(response) - started_at) / 1000,
        model=response.model or "",
        response_time_s=response.timings.total_s,
        grade=watcher.grades.get(response.query_id),
        ok=response.error is None,
    )
