"""Dealing a draw to a router, query by query, and taking the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import thread_time

import numpy as np

from agents.comparison.router import Answer, Opening, Router
from agents.evaluation.course import Run
from agents.evaluation.draws import Draw
from schemas.query import Query

Clock = Callable[[], float]
"""Seconds, from any start. By default the thread's processor time: nothing here waits, and what
else the machine does counts for little."""


@dataclass(frozen=True)
class Played:
    """One draw's course; ``shares`` in it are the choices themselves.

    ``choosing_s``: seconds spent on all decisions; ``learning_s``: on all else that the router
    did.
    """

    run: Run
    choosing_s: float
    learning_s: float


async def play(
    opening: Opening, models: Sequence[str], draw: Draw, clock: Clock = thread_time
) -> Played:
    """Deals the draw to a cold router.

    Args:
        opening: makes the router.
        models: the columns of the draw's answers.
        draw: what is asked, in order.
        clock: takes the time.
    """
    columns = {name: column for column, name in enumerate(models)}
    chosen = np.zeros(len(draw.asked), dtype=np.int64)
    watch = Watch(clock)
    async with opening(draw) as router:
        for number, (at, query) in enumerate(draw.queries()):
            await router.reach(at)
            watch.split("learning")
            model = await router.choose(query)
            watch.split("choosing")
            chosen[number] = columns[model]
            await _tell(router, draw, number, query, model, columns[model])
    watch.split("learning")
    shares = np.zeros(draw.answers.correct.shape)
    shares[np.arange(len(chosen)), chosen] = 1.0
    return Played(Run(draw, chosen, shares, []), watch.spent["choosing"], watch.spent["learning"])


class Watch:
    """Seconds by what they were spent on."""

    def __init__(self, clock: Clock) -> None:
        self.spent = {"learning": 0.0, "choosing": 0.0}
        self._clock = clock
        self._since_s = clock()

    def split(self, on: str) -> None:
        """Books the time since the last call."""
        now_s = self._clock()
        self.spent[on] += now_s - self._since_s
        self._since_s = now_s


async def _tell(
    router: Router, draw: Draw, number: int, query: Query, model: str, column: int
) -> None:
    """Only here does an outcome reach the router: that of its own choice."""
    answers = draw.answers
    await router.learn(
        Answer(
            query=query,
            model=model,
            grade=float(answers.correct[number, column]),
            latency_s=float(answers.latency_s[number, column]),
            cost_usd=float(answers.cost_usd[number, column]),
        )
    )
