"""The whole loop on a real broker: queries in, answers and rules out."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from agents.simulation.server import RunningSim
from schemas.query import Query, Reference
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION
from tests.loop.system import System
from tests.loop.watching import Topic, answered, until

ROLES = ("router", "grader", "aggregator", "tuner", "worker-good", "worker-plain")
PER_BURST = 8
BURST_S = 0.1


def questions() -> Iterator[Query]:
    """Sums to be done, each with its grade."""
    for number in itertools.count():
        yield Query(
            query_id=f"q{number}",
            task="code",
            prompt=f"{number} + 1",
            reference=Reference(kind="numeric", value=number + 1),
        )


@asynccontextmanager
async def steady_queries(system: System) -> AsyncIterator[list[str]]:
    """About 80 queries per second in the background; the ids of those asked."""
    asked: list[str] = []
    source = questions()

    async def ask() -> None:
        while True:
            batch = list(itertools.islice(source, PER_BURST))
            await system.ask(*batch)
            asked.extend(query.query_id for query in batch)
            await asyncio.sleep(BURST_S)

    task = asyncio.create_task(ask())
    try:
        yield asked
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def two_models(system: System) -> tuple[RunningSim, RunningSim]:
    good = await system.chat_sim("good", accuracy=0.95)
    plain = await system.chat_sim("plain", accuracy=0.6)
    return good, plain


def share(rules: Topic[RoutingRule], model: str) -> float:
    """The model's share in the newest rule."""
    return rules.events[-1].weights.get(model, 0) / MILLION if rules.events else 0.0


def check_decisions(responses: list[Response], rules: list[RoutingRule]) -> None:
    """Each decision's propensities are those of the rule that it names."""
    by_version = {rule.version: rule for rule in rules}
    named = Counter(response.decision.rule_version for response in responses if response.decision)
    assert len(named) > 3, "decisions name the rules of their time"
    for response in responses:
        decision = response.decision
        assert decision is not None
        assert decision.eligible == ["good", "plain"]
        assert decision.kind == "policy"
        rule = by_version.get(decision.rule_version)
        weights = rule.weights if rule else {"good": MILLION // 2, "plain": MILLION // 2}
        assert decision.propensities == pytest.approx(
            {name: weight / MILLION for name, weight in weights.items()}
        )


async def test_traffic_leaves_a_model_that_goes_bad_and_comes_back(system: System) -> None:
    good, _ = await two_models(system)
    system.tables["routing"] |= {"discount": 0.8, "exploration": 0.1}
    await system.prepare()
    responses = await system.topic("responses", Response)
    rules = await system.topic("rules-log", RoutingRule)
    await system.run(*ROLES)
    async with steady_queries(system) as asked:
        await until(lambda: share(rules, "good") > 0.5, "the better model leads")
        flipped_at = len(rules.events)
        good.set_profile({"accuracy": 0.05})
        await until(lambda: share(rules, "good") < 0.2, "traffic leaves")
        left_after = len(rules.events) - flipped_at
        good.set_profile({"accuracy": 0.95})
        await until(lambda: share(rules, "good") > 0.5, "traffic comes back", 60)
    assert left_after <= 5
    await responses.until(answered(*asked), "all answers")
    ids = [response.query_id for response in responses.events]
    assert Counter(ids) == Counter(asked), "each query is answered exactly once"
    assert all(response.error is None for response in responses.events)
    assert [rule.version for rule in rules.events] == list(range(1, len(rules.events) + 1))
    check_decisions(responses.events, rules.events)
