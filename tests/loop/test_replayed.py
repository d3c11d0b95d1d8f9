"""What was sent again by ``zeta replay`` is answered, and teaches, pins and rules nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from schemas.control import Control
from schemas.metric import Metric
from schemas.query import Query, Reference
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import WindowScore
from streams.tables import TopicMissingError, partitions_of
from tests.loop.commands import one_line, zeta
from tests.loop.system import System, system_at
from tests.loop.watching import until

ROLES = ("router", "grader", "aggregator", "tuner", "worker-one", "worker-two")


@pytest_asyncio.fixture
async def system(kafka_bootstrap: str, prefix: str, tmp_path: Path) -> AsyncIterator[System]:
    async with system_at(kafka_bootstrap, prefix, tmp_path) as made:
        await made.chat_sim("one", accuracy=1.0)
        await made.chat_sim("two", accuracy=0.0)
        await made.prepare()
        yield made


def questions(count: int) -> list[Query]:
    """Questions that a simulated model answers as often as its accuracy says."""
    return [
        Query(
            query_id=f"q{number}",
            prompt=f"sim-answer: {number}",
            reference=Reference(kind="numeric", value=number),
        )
        for number in range(count)
    ]


async def replayed(system: System, *arguments: str) -> dict[str, Any]:
    """Runs ``zeta replay``, which must succeed."""
    done = await zeta(system.file, "replay", *arguments, "--json")
    assert done.code == 0, done
    (outcome,) = done.json()
    return outcome


async def test_replayed_queries_are_answered_and_teach_nothing(system: System) -> None:
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric | Tick)  # type: ignore[arg-type]
    scores = await system.topic("scores", WindowScore)
    await system.run(*ROLES)
    await system.ask(*questions(40))
    await responses.until(lambda found: len(found) == 40, "answers")

    def counted() -> int:
        parts = {(part.partition, part.window_end_at): part for part in scores.events}
        return sum(one.outcomes for part in parts.values() for one in part.models.values())

    await until(lambda: counted() == 40, "the windows of the 40")
    outcome = await replayed(system, "queries", "--force")
    await responses.until(lambda found: len(found) == 80, "answers to those sent again")
    assert {one.replay for one in responses.events[:40]} == {None}
    assert {one.replay for one in responses.events[40:]} == {outcome["run"]}
    assert {one.query_id for one in responses.events[40:]} == {q.query_id for q in questions(40)}

    def graded(again: bool) -> list[Metric]:
        found = [one for one in metrics.events if isinstance(one, Metric)]
        return [one for one in found if (one.replay is not None) == again]

    await until(lambda: len(graded(True)) == 80, "their metrics")
    for topic in ("responses", "metrics", "feedback", "scores"):
        await zeta(system.file, "replay", topic, "--force")
    await system.ask(Query(query_id="last", prompt="sim-answer: 1"))
    await until(lambda: counted() >= 41, "the window of one more")
    assert counted() == 41
    done = await zeta(system.file, "rebuild", "--json")
    assert done.code == 0, done


async def test_an_old_order_and_an_old_rule_are_not_obeyed_again(system: System) -> None:
    rules = await system.topic("rules-log", RoutingRule)
    responses = await system.topic("responses", Response)
    await system.run(*ROLES)
    await rules.until(lambda found: len(found) == 1, "a rule")
    for action, model in (("pin", "two"), ("unpin", None)):
        control = Control(task="code", action=action, model=model, issued_at=1)  # type: ignore[arg-type]
        await system.put("controls", control, key=b"code")
    await rules.until(lambda found: len(found) == 3, "a rule with the pin, and one without")
    pinned = rules.events[1]
    assert pinned.pinned == "two"
    for topic in ("controls", "rules-log"):
        assert (await replayed(system, topic, "--force"))["records"] >= 3
    await zeta(system.file, "replay", "rules-log", "--to", "rules")
    await system.ask(*questions(60))
    await responses.until(lambda found: len(found) == 60, "answers")
    assert {one.model for one in responses.events} == {"one", "two"}
    assert all(rule.pinned is None for rule in rules.events[2:] if rule.version > 3)
    done = await zeta(system.file, "rules", "--json")
    assert "pinned" not in json.loads(done.out.splitlines()[0])
    assert (await zeta(system.file, "rebuild")).code == 0


async def test_a_sandbox_learns_from_queries_asked_again_and_leaves_the_rest_alone(
    system: System,
) -> None:
    """The live rules are the static prior; the sandbox finds out who is right."""
    await system.ask(*questions(300))
    rules = await system.topic("rules-log", RoutingRule)
    outcome = await replayed(system, "queries", "--into-sandbox", "trial", "--rate", "100")
    assert outcome["records"] == 300
    (shares,) = outcome["sandbox"]
    assert (shares["task"], shares["live"]) == ("code", {})
    assert shares["rules"] > 1, "how many depends on when the roles were up"
    assert shares["sandbox"]["one"] > 0.9
    assert rules.events == []
    with pytest.raises(TopicMissingError):
        await partitions_of(system.settings.kafka, system.prefix + "trial-rules-log")
    await system.run(*ROLES)
    responses = await system.topic("responses", Response)
    await responses.until(lambda found: len(found) == 300, "the live answers")


async def test_a_sandbox_learns_from_metrics_again_what_the_live_loop_learned(
    system: System,
) -> None:
    """The same metrics in the same windows lead to the same rules, with the same policy."""
    rules = await system.topic("rules-log", RoutingRule)
    responses = await system.topic("responses", Response)
    await system.run(*ROLES)
    for start in (0, 100):
        await system.ask(*questions(200)[start : start + 100])
        await until(lambda: len(responses.events) == start + 100, "answers")  # noqa: B023
    await rules.until(lambda found: len(found) > 2, "rules")
    for role in ("router", "worker-one", "worker-two", "grader", "aggregator", "tuner"):
        await system.stop(role)
    outcome = await replayed(system, "metrics", "--into-sandbox", "again", "--keep")
    (shares,) = outcome["sandbox"]
    assert shares["sandbox"] == shares["live"]
    assert shares["rules"] == rules.events[-1].version
    file = system.file
    sandbox = ("--set", f"kafka.prefix={system.prefix}again-", "--set", "kafka.sandbox=true")
    done = await zeta(file, *sandbox, "rebuild", "--json")
    assert done.code == 0, done
    taken = await zeta(file, "replay", "metrics", "--into-sandbox", "again")
    assert "are there already" in one_line(taken, 1)


async def test_what_is_no_sandbox_is_refused(system: System) -> None:
    for arguments, part in (
        (("responses", "--into-sandbox", "x"), "takes queries (asked again) or metrics"),
        (("queries", "--into-sandbox", "a/b"), "letters, digits, _ and -"),
        (("queries", "--into-sandbox", "x", "--by-key"), "leave out --to-bootstrap"),
    ):
        assert part in one_line(await zeta(system.file, "replay", *arguments), 2)
