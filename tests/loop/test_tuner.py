"""The tuner: one version after another, whoever is active and whatever is killed."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict

from agents.merging import RuleFold
from schemas.control import Control
from schemas.query import Query
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import MILLION
from tests.loop.system import System, chat
from tests.loop.test_loop import share, steady_queries
from tests.loop.watching import Topic, answered, until

MODELS = ("a", "b")
WINDOW_MS = 1000


def part(number: int, partition: int, seed: int = 3) -> WindowScore:
    """One of two partitions' part of the window of this number."""
    chance = random.Random(f"{seed} {number} {partition}")
    models = {
        name: ModelSummary(
            judgements=10,
            trust_micro=10 * MILLION,
            accuracy_micro=chance.randint(0, 10) * MILLION,
            outcomes=10,
            response_time_us=10 * chance.randint(1000, 9000),
        )
        for name in MODELS
    }
    start = number * WINDOW_MS
    return WindowScore(
        task="code",
        partition=partition,
        partitions=2,
        window_start_at=start,
        window_end_at=start + WINDOW_MS,
        models=models,
    )


async def two_models(system: System) -> None:
    for name in MODELS:
        system.tables[f"models.{name}"] = chat("http://127.0.0.1:1")
    await system.prepare()


def order(action: str, model: str | None = None) -> Control:
    return Control(task="code", action=action, model=model, source="test", issued_at=1)  # type: ignore[arg-type]


def check_log(log: Topic[RoutingRule], table: Topic[RoutingRule]) -> int:
    """No version is missing, a repeat has the same bytes, the table ends with the newest.

    Returns:
        How many repeats there were.
    """
    contents: dict[int, set[bytes]] = defaultdict(set)
    for record, rule in zip(log.records, log.events, strict=True):
        contents[rule.version].add(record.value)
    assert sorted(contents) == list(range(1, max(contents) + 1))
    assert all(len(values) == 1 for values in contents.values())
    assert table.records[-1].value in contents[max(contents)]
    assert table.records[-1].key == b"code"
    return len(log.records) - len(contents)


async def test_versions_have_no_gaps_whatever_is_killed(system: System) -> None:
    system.tables["kafka"]["commit_interval_s"] = 0.7  # so that kills come before commits
    await two_models(system)
    log = await system.topic("rules-log", RoutingRule)
    table = await system.topic("rules", RoutingRule)
    chance = random.Random(5)
    running = {name: await system.spawn_ready("tuner", name) for name in ("0",)}
    standby = system.spawn("run", "tuner", "--replica", "1")
    numbers = itertools.count(1)
    sent = 0

    async def feed() -> None:
        nonlocal sent
        for number in numbers:
            await system.put_all("scores", [part(number, 0), part(number, 1)], key=b"code")
            sent = number
            if enough:
                return
            await asyncio.sleep(0.01)

    enough = False
    task = asyncio.create_task(feed())
    for _ in range(4):
        wanted = len(log.events) + chance.randint(3, 40)
        await log.until(lambda rules, n=wanted: len(rules) >= n, "rules")  # type: ignore[misc]
        running["0"].kill()
        running["0"] = system.spawn("run", "tuner", "--replica", "0")
    enough = True
    await task
    await log.until(
        lambda rules: rules[-1].window_end_at == (sent + 1) * WINDOW_MS, "the last window", 30
    )
    await table.until(lambda rules: rules[-1] == log.events[-1], "the table follows")
    check_log(log, table)
    windows = {rule.version: rule.window_end_at for rule in log.events}
    ends = [end for _, end in sorted(windows.items()) if end]
    assert ends == [(number + 1) * WINDOW_MS for number in range(1, sent + 1)]
    assert standby.process.poll() is None


async def test_after_a_kill_between_its_two_topics_the_table_follows_the_log(
    system: System,
) -> None:
    await two_models(system)
    log = await system.topic("rules-log", RoutingRule)
    table = await system.topic("rules", RoutingRule)
    controls = await system.topic("controls", Control)
    await system.run("tuner")
    await table.until(lambda rules: rules, "the first rule")
    await system.put_all("scores", [part(1, 0), part(1, 1)])
    await table.until(lambda rules: rules and rules[-1].window_end_at > 0, "a rule")
    await system.stop("tuner")
    fold = RuleFold([table.events[-1]])
    for record, control in zip(controls.records, controls.events, strict=True):
        fold.control(record.offset, control)
    parts = [part(2, 0), part(2, 1)]
    (rule,) = itertools.chain(*(fold.score(2 + n, row) for n, row in enumerate(parts)))
    await system.put_all("scores", parts)
    await system.put("rules-log", rule, key=b"code")
    await log.until(lambda rules: rules[-1] == rule, "as if it had been killed here")
    await system.run("tuner")
    await table.until(lambda rules: rules[-1] == rule, "the table catches up")
    await system.put_all("scores", [part(3, 0), part(3, 1)])
    await table.until(lambda rules: rules[-1].version == rule.version + 1, "it goes on from there")
    assert check_log(log, table) == 0


async def test_a_pin_holds_all_traffic_and_a_restart_keeps_it(system: System) -> None:
    for name in MODELS:
        await system.chat_sim(name)
    await system.prepare()
    log = await system.topic("rules-log", RoutingRule)
    table = await system.topic("rules", RoutingRule)
    responses = await system.topic("responses", Response)
    await system.run("tuner", "router", "worker-a", "worker-b")
    await log.until(lambda rules: rules, "the first rule")
    await system.put("controls", order("pin", "b"), key=b"code")
    await table.until(lambda rules: rules[-1].pinned == "b", "a pinned rule")
    assert table.events[-1].weights == {"b": MILLION}
    await system.stop("tuner")
    before = len(log.events)
    await system.run("tuner")
    await system.put_all("scores", [part(1, 0), part(1, 1)])
    await log.until(lambda rules: rules[-1].window_end_at == 2 * WINDOW_MS, "the window's rule")
    assert len(log.events) == before + 1, "a restart says nothing new"
    assert log.events[-1].pinned == "b"
    queries = [Query(query_id=f"q{n}", task="code", prompt="1 + 1") for n in range(20)]
    await system.ask(*queries)
    await responses.until(answered(*(query.query_id for query in queries)), "answers")
    assert {row.model for row in responses.events} == {"b"}
    kinds = [row.decision.kind for row in responses.events if row.decision]
    assert set(kinds) == {"pin"}
    await system.put("controls", order("unpin"), key=b"code")
    await log.until(lambda rules: rules[-1].pinned is None, "the pin is gone")
    assert set(log.events[-1].weights) == {"a", "b"}
    await table.until(lambda rules: rules[-1] == log.events[-1], "the table follows")
    assert check_log(log, table) == 0


async def test_policy_static_keeps_the_prior_whatever_comes(system: System) -> None:
    await system.chat_sim("good", accuracy=0.2)
    await system.chat_sim("plain", accuracy=1.0)
    system.tables["tasks.code"]["prior"] = {"good": 0.7, "plain": 0.3}
    system.tables["routing"] |= {"policy": "static", "exploration": 0.0}
    await system.prepare()
    log = await system.topic("rules-log", RoutingRule)
    responses = await system.topic("responses", Response)
    await system.run("router", "grader", "aggregator", "tuner", "worker-good", "worker-plain")
    async with steady_queries(system) as asked:
        await until(lambda: log.events and log.events[-1].state.windows >= 3, "three windows")
    assert {frozenset(rule.weights.items()) for rule in log.events} == {
        frozenset({("good", 700_000), ("plain", 300_000)})
    }
    await responses.until(answered(*asked), "all answers")
    to_good = sum(row.model == "good" for row in responses.events) / len(responses.events)
    assert 0.55 < to_good < 0.85


async def test_policy_seed_reassigns_below_its_threshold_and_not_above(system: System) -> None:
    # score = accuracy / response time: about 0.3 / 1 s for the first, 0.9 / 0.6 s for the other.
    slow = {"concurrency": 100}
    await system.chat_sim("good", settings=slow, accuracy=0.3, latency={"median_s": 1.0})
    await system.chat_sim("plain", settings=slow, accuracy=0.9, latency={"median_s": 1.3})
    system.tables["tasks.code"]["prior"] = {"good": 1.0}
    system.tables["routing"] |= {"policy": "seed", "exploration": 0.2, "discount": 1.0}
    await system.prepare()
    log = await system.topic("rules-log", RoutingRule)
    await system.run("router", "grader", "aggregator", "tuner", "worker-good", "worker-plain")
    async with steady_queries(system):
        await log.until(lambda rules: rules, "the first rule")
        assert log.events[0].weights["good"] == 800_000
        await until(lambda: share(log, "plain") > 0.7, "reassigned: all scores are below 0.8")
    (reason,) = {rule.reason for rule in log.events if "reassigned to plain" in rule.reason}
    assert "is below 0.8" in reason
    assert log.events[-1].state.assigned == "plain"
