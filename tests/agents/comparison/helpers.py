"""Draws and routers for the comparison's tests."""

from __future__ import annotations

from collections.abc import Sequence

from agents.comparison.router import Answer
from agents.evaluation.draws import Arrivals, Draw, draw
from agents.evaluation.outcomes import Outcomes
from schemas.query import Query
from tests.agents.evaluation.recorded import NAN, outcomes

LATENCY_S = {"fast": 0.1, "middling": 1.0, "slow": 9.0}


def world(count: int = 40) -> Outcomes:
    """Two tasks, three models: the slow one is right, the fast one is wrong."""
    grades = {"fast": [0.0] * count, "middling": [0.5] * count, "slow": [1.0] * count}
    return outcomes({"code": grades, "prose": grades}, LATENCY_S)


def dealt(of: Outcomes, seed: int = 0) -> Draw:
    """A draw with a query each second."""
    return draw(of, None, Arrivals(), seed)


def answer(
    model: str, grade: float, *, task: str = "code", number: int = 0, latency_s: float = NAN
) -> Answer:
    """An answer to a query without a text."""
    query = Query(query_id=f"q{number}", task=task, prompt="")
    return Answer(query, model, grade, latency_s, NAN)


class Listener:
    """Chooses by a list, and writes down all that it is told."""

    def __init__(self, choices: Sequence[str] = ()) -> None:
        self.told: list[tuple[str, object]] = []
        self._choices = iter(choices)

    async def reach(self, at: int, /) -> None:
        """Notes the time."""
        self.told.append(("reach", at))

    async def choose(self, query: Query, /) -> str:
        """Notes the query's task."""
        self.told.append(("choose", query.task))
        return next(self._choices)

    async def learn(self, answer: Answer, /) -> None:
        """Notes the grade."""
        self.told.append(("learn", answer.grade))
