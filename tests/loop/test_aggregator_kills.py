"""The aggregator: what it publishes is exact, whatever is killed and whoever owns what."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from schemas.dead_letter import DeadLetter
from schemas.metric import Metric
from schemas.window_score import WindowScore
from schemas.wire import MILLION
from streams.clock import now_ms
from tests.loop.system import Process, System, chat
from tests.loop.watching import Topic, until

PARTITIONS = 4
MODELS = ("a", "b")
DAY_MS = 86_400_000


def metric(number: int, observed_at: int) -> Metric:
    """Every third is a judgement; times and grades differ, and are exact in micro-units."""
    shared: dict[str, Any] = {
        "query_id": f"q{number}",
        "attempt": 1 + number % 2,
        "model": MODELS[number % len(MODELS)],
        "task": "code",
        "decided_at": observed_at,
        "observed_at": observed_at,
    }
    if number % 3 == 0:
        return Metric(kind="judgement", grader="exact", accuracy=number % 5 / 4, **shared)
    return Metric(kind="outcome", ok=True, response_time_s=number % 1000 / 1000, **shared)


def expected(metrics: Sequence[Metric]) -> Counter[tuple[str, str]]:
    """Sums by (model, what), from the metrics alone."""
    sums: Counter[tuple[str, str]] = Counter()
    for row in metrics:
        if row.kind == "judgement":
            sums[row.model, "judgements"] += 1
            sums[row.model, "accuracy_micro"] += round((row.accuracy or 0) * MILLION)
        else:
            sums[row.model, "outcomes"] += 1
            sums[row.model, "response_time_us"] += round((row.response_time_s or 0) * MILLION)
    return sums


def published(parts: Sequence[WindowScore]) -> Counter[tuple[str, str]]:
    """The same sums, from the distinct parts."""
    sums: Counter[tuple[str, str]] = Counter()
    names = ("judgements", "accuracy_micro", "outcomes", "response_time_us")
    for part in {(row.partition, row.window_end_at, row.task): row for row in parts}.values():
        for (model, summary), name in itertools.product(part.models.items(), names):
            sums[model, name] += getattr(summary, name)
    return sums


def check_contents(scores: Topic[WindowScore]) -> int:
    """Each part has one content, and the parts of a partition tile time; counts the repeats."""
    contents: dict[tuple[str, int, int], set[bytes]] = defaultdict(set)
    spans: dict[tuple[str, int], set[tuple[int, int]]] = defaultdict(set)
    for record, part in zip(scores.records, scores.events, strict=True):
        contents[part.task, part.partition, part.window_end_at].add(record.value)
        spans[part.task, part.partition].add((part.window_start_at, part.window_end_at))
    assert all(len(values) == 1 for values in contents.values())
    for ends in spans.values():
        for (_, end), (start, _) in itertools.pairwise(sorted(ends)):
            assert start == end, "no gap and no overlap"
    return len(scores.records) - len(contents)


async def prepared(system: System) -> None:
    system.tables["kafka"]["partitions"] = PARTITIONS
    system.tables["windows"] = {"size_s": 0.4, "lateness_s": 0.3, "tick_s": 0.1}
    for name in MODELS:
        system.tables[f"models.{name}"] = chat("http://127.0.0.1:1")
    await system.prepare()


class Load:
    """Metrics as they come, some of them twice, some of them late."""

    def __init__(self, system: System, seed: int) -> None:
        self.sent: dict[str, Metric] = {}
        self.repeats = 0
        self._system = system
        self._random = random.Random(seed)

    async def run(self) -> None:
        for number in itertools.count():
            made = metric(number, now_ms() - self._random.choice((0, 0, 0, 900)))
            self.sent[made.query_id] = made
            await self._send(made)
            if self._random.random() < 0.15:
                self.repeats += 1
                await self._send(
                    self.sent[f"q{self._random.randint(max(0, number - 200), number)}"]
                )
            if number % 10 == 9:
                await asyncio.sleep(0.02)

    async def _send(self, made: Metric) -> None:
        # By its own hash, as a grader's redelivery would: equal ids meet on one partition.
        partition = int(made.query_id[1:]) % PARTITIONS
        await self._system.put_all(
            "metrics", [made], key=made.query_id.encode(), partition=partition
        )


async def test_sums_stay_exact_through_kills_and_rebalances(system: System) -> None:
    system.tables["kafka"]["commit_interval_s"] = 0.7  # so that kills come before commits
    await prepared(system)
    scores = await system.topic("scores", WindowScore)
    chance = random.Random(7)
    running: dict[str, Process] = {
        name: await system.spawn_ready("aggregator", name) for name in ("0", "1")
    }
    load = Load(system, seed=7)
    task = asyncio.create_task(load.run())
    # A new name makes the group wait for the old one's session and rebalance; an old one rejoins.
    for victim, successor in (("0", "2"), ("1", "1"), ("2", "2"), ("1", "1"), ("2", "2")):
        wanted = len(scores.events) + chance.randint(2, 12)
        await scores.until(lambda parts, n=wanted: len(parts) >= n, "parts")  # type: ignore[misc]
        running.pop(victim).kill()
        running[successor] = await system.spawn_ready("aggregator", successor)
    task.cancel()
    await asyncio.wait({task})
    wanted_sums = expected(list(load.sent.values()))
    await scores.until(lambda parts: published(parts) >= wanted_sums, "all windows", 30)
    last_at = max(row.observed_at for row in load.sent.values())
    await until(lambda: all_closed(scores.events, last_at + 1000), "later windows closed, too")
    assert published(scores.events) == wanted_sums
    assert load.repeats > 50
    assert check_contents(scores) > 0, "the kills made parts come twice, or this test shows nothing"
    for process in running.values():
        assert await process.end() == 0


def all_closed(parts: Sequence[WindowScore], at: int) -> bool:
    """Whether each partition has closed what ends before ``at``."""
    closed = {part.partition for part in parts if part.window_end_at >= at}
    return len(closed) == PARTITIONS


async def test_idle_windows_close(system: System) -> None:
    await prepared(system)
    started_at = now_ms()
    scores = await system.topic("scores", WindowScore)
    await system.run("aggregator")
    await until(lambda: all_closed(scores.events, started_at + 2000), "windows close by themselves")
    assert all(part.models == {} for part in scores.events)
    assert check_contents(scores) == 0


async def test_a_clock_a_day_ahead_closes_nothing(system: System) -> None:
    await prepared(system)
    scores = await system.topic("scores", WindowScore)
    letters = await system.topic("dead-letters", DeadLetter)
    await system.run("aggregator")
    ahead = metric(1, now_ms() + DAY_MS)
    where = await system.put("metrics", ahead, key=b"ahead", partition=0)
    await system.put("metrics", b"not JSON", partition=0)
    await system.put("metrics", metric(2, now_ms()), partition=0)
    await scores.until(lambda parts: any(part.models for part in parts), "the good one's window")
    await letters.until(lambda rows: len(rows) == 2, "dead letters")
    (letter,) = [row for row in letters.events if row.key == b"ahead"]
    assert (letter.topic, letter.partition, letter.offset) == ("metrics", 0, where.offset)
    assert letter.stage == "aggregator"
    assert "ahead of the broker's clock" in letter.error
    assert published(scores.events) == expected([metric(2, 0)])
    assert max(part.window_end_at for part in scores.events) < now_ms() + 1000
