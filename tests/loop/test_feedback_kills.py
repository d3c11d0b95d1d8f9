"""Answers and feedback in any order, while graders are killed and lose their indexes."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import defaultdict
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from agents.crediting import home_of
from agents.partition_index import PartitionIndex
from schemas.metric import Metric
from tests.loop.system import System
from tests.loop.test_feedback import answer, feedback, outcome, prepared, response, say
from tests.loop.watching import until

QUERIES = 240
KILLS = 4
AFTER_S = 0.08


class Traffic:
    """Each query's answer, and its feedback before or after it, some of it twice or misplaced."""

    def __init__(self, system: System, seed: int) -> None:
        self._system = system
        self._random = random.Random(seed)

    async def run(self) -> None:
        waiting: list[str] = []
        for number in range(QUERIES):
            query_id = f"q{number}"
            if self._random.random() < 0.5:
                await self._say(query_id)
            else:
                waiting.append(query_id)
            await answer(self._system, response(query_id, self._random.choice("ab")))
            while waiting and self._random.random() < 0.4:
                await self._say(waiting.pop(self._random.randrange(len(waiting))))
            await asyncio.sleep(AFTER_S)
        for query_id in waiting:
            await self._say(query_id)

    async def _say(self, query_id: str) -> None:
        for score in (0.75, 0.25)[: self._random.randint(1, 2)]:
            # A misplaced one may be overtaken by its repetition, so those come alone.
            away = score == 0.75 and self._random.random() < 0.2
            await say(self._system, feedback(query_id, score), away=away)
            if away:
                return


async def test_each_is_joined_and_counts_once(system: System) -> None:
    metrics = await prepared(system)
    chance = random.Random(5)
    graders = [await system.spawn_ready("grader", str(replica)) for replica in range(2)]
    traffic = asyncio.create_task(Traffic(system, 7).run())
    for number in range(KILLS):
        seen = len(metrics.events)
        await until(lambda n=seen: traffic.done() or len(metrics.events) > n + 30, "metrics")  # type: ignore[misc]
        victim = chance.randrange(2)
        graders[victim].kill()
        if number % 2:
            shutil.rmtree(system.directory / "index")
        graders[victim] = await system.spawn_ready("grader", str(victim))
    await traffic
    ids = {f"q{number}" for number in range(QUERIES)}
    await metrics.until(
        lambda rows: ids <= {row.query_id for row in rows if row.kind == "judgement"},
        "all of it",
        60,
    )
    for grader in graders:
        assert await grader.end() == 0
    contents: dict[tuple[str, int, str, str, str], set[Metric]] = defaultdict(set)
    for row in metrics.events:
        contents[row.identity].add(row)
    assert len(contents) == 2 * QUERIES, "an outcome and a judgement each"
    assert all(len(rows) == 1 for rows in contents.values()), "a redelivery sends the same again"
    scores = {row.accuracy for row in metrics.events if row.kind == "judgement"}
    assert scores == {0.75}, "the first one counts"


async def test_feedback_waits_while_the_lost_index_is_made_anew(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = await prepared(system)
    await system.run("grader")
    await answer(system, response("q"))
    await outcome(metrics, "q")
    await system.stop("grader")
    shutil.rmtree(system.directory / "index")
    known, read = asyncio.Event(), PartitionIndex._read_from

    async def slowly(self: PartitionIndex, consumer: Any, tp: Any, *rest: Any) -> None:
        if tp.topic.endswith("responses"):
            await known.wait()
        await read(self, consumer, tp, *rest)

    monkeypatch.setattr(PartitionIndex, "_read_from", slowly)
    await say(system, feedback("q"))
    await system.run("grader")
    same = [f"r{n}" for n in range(20) if home_of(f"r{n}", 2) == home_of("q", 2)]
    for query_id in same:
        await answer(system, response(query_id))
        await outcome(metrics, query_id)  # answers are graded meanwhile
    assert not [row for row in metrics.events if row.kind == "judgement"]
    known.set()
    await metrics.until(lambda rows: [r for r in rows if r.kind == "judgement"], "its judgement")


async def test_topics_that_do_not_fit_are_refused(system: System) -> None:
    await prepared(system)
    admin = AIOKafkaAdminClient(bootstrap_servers=system.bootstrap)
    await admin.start()
    try:
        await admin.create_partitions({f"{system.prefix}feedback": NewPartitions(3)})
    finally:
        await admin.close()
    grader = system.spawn("run", "grader")
    await until(lambda: grader.process.poll() is not None, "its end")
    assert grader.process.returncode == 1
    told = f"{system.prefix}responses has 2 and {system.prefix}feedback has 3 partitions"
    assert told in grader.log.read_text()
