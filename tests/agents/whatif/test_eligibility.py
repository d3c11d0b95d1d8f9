"""Where propensities come from, and what is missing where they don't."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from agents.routing import propensities
from schemas.metric import Metric
from schemas.query import Query
from schemas.tick import Tick
from tests.agents.whatif.lived import RATES, asked, lived, told
from tests.agents.whatif.world import without


async def test_a_metric_without_propensity_is_left_out() -> None:
    world = lived(300)
    for index in range(len(world.log.topics["metrics"][0])):
        world.log.change("metrics", index, no_propensity)
    found = await asked(world)
    assert not found.answers
    assert "300 without a propensity" in found.all.sentences[0]


def no_propensity(event: Metric | Tick) -> Metric | Tick:
    if isinstance(event, Tick):
        return event
    return msgspec.structs.replace(event, propensity=None)


async def test_without_responses_the_rules_tell_what_was_eligible() -> None:
    world = lived(fails=0.05)
    whole = await asked(world)
    assert whole.propensities_from.decision == 1200, "failed ones come from reroutes"
    without(world.log, "responses", "reroutes")
    found = await asked(world)
    assert found.propensities_from.rule == 1200
    assert found.all.snips is not None
    assert whole.all.snips is not None
    assert found.all.snips.value == pytest.approx(whole.all.snips.value)
    without(world.log, "rules-log")
    alone = await asked(world)
    assert alone.propensities_from.assumed == 1200
    assert "assumed is that all of the task's models were eligible" in told(alone)
    assert alone.all.snips.value == pytest.approx(whole.all.snips.value)  # type: ignore[union-attr]


async def test_a_model_that_was_away_is_renormalised_as_the_router_does() -> None:
    world = lived(400)
    world.unhealthy = frozenset("b")
    for number in range(400):
        query = Query(query_id=f"away{number}", task="code", prompt="-")
        world.ask(query, dict.fromkeys(RATES, 1.0))
    found = await asked(world)
    expected = []
    for one in world.decisions:
        target = propensities(one.eligible, {"b": 1, "c": 1})
        expected.append(target[one.model] / one.propensity)
    assert found.all.mean_weight == pytest.approx(np.mean(expected))
    without(world.log, "responses", "reroutes")
    blind = await asked(world)
    assert blind.propensities_from.unknown == 400
    assert "it isn't known which" in told(blind)


async def test_wrong_propensities_are_noticed() -> None:
    world = lived()
    for index in range(len(world.log.topics["metrics"][0])):
        world.log.change("metrics", index, halved)
    assert "Don't trust these values" in told(await asked(world))


def halved(event: Metric | Tick) -> Metric | Tick:
    if isinstance(event, Tick):
        return event
    return msgspec.structs.replace(event, propensity=(event.propensity or 0) / 2)
