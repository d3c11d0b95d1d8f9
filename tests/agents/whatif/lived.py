"""Logs of several hundred queries, and what they are asked."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from agents.whatif.judging import Judgement
from agents.whatif.reading import Question
from agents.whatif.rules_file import FixedRules
from schemas.query import Query
from tests.agents.whatif.world import World, settings_of

RATES = {"a": 0.5, "b": 0.7, "c": 0.9}
MIX = FixedRules("mix", {"code": {"b": 0.5, "c": 0.5}})


def lived(
    count: int = 1200,
    seed: int = 0,
    rates: Mapping[str, float] = RATES,
    *,
    fails: float = 0.0,
    graded: float = 1.0,
    sessions: int = 0,
    **routing: Any,
) -> World:
    """A log of so many queries for ``code``; an answer is right at its model's rate."""
    world = World(settings_of(*rates, **{"exploration": 0.3, **routing}))
    luck = random.Random(seed)
    for number in range(count):
        query = Query(
            query_id=f"{seed}-q{number}",
            task="code",
            prompt="-",
            session=f"{seed}-s{luck.randrange(sessions)}" if sessions else None,
        )
        grades = {
            name: None if luck.random() < fails else float(luck.random() < rate)
            for name, rate in rates.items()
        }
        world.ask(query, grades, graded=luck.random() < graded)
    return world


async def asked(world: World, rules: FixedRules = MIX) -> Judgement:
    (found,) = await world.ask_about(Question("accuracy", rules=rules))
    return found


def told(found: Judgement) -> str:
    return " ".join(found.tasks[0].sentences)
