"""Waiting until all that was asked has gone through, stage by stage, with a deadline each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from streams.settings import Kafka
from tests.chaos.census import Census
from tests.chaos.load import Asked
from tests.chaos.processes import Fleet

POLL_S = 0.5

Say = Callable[[str], None]


class Drain:
    """Ends a run in order: who brings work stops first.

    ``late`` collects what wasn't reached in time; the counts will show what that cost.
    """

    def __init__(self, kafka: Kafka, census: Census, fleet: Fleet, say: Say) -> None:
        self._kafka = kafka
        self._census = census
        self._fleet = fleet
        self._say = say
        self.late: list[str] = []

    async def run(self, asked: Asked, models: Sequence[str], within_s: float) -> None:
        """Everything, stage by stage, each until ``within_s`` have passed without progress."""
        census, measures = self._census, self._census.measures
        workers = {f"worker-{name}": [f"models.{name}"] for name in models}
        asking = {"router": ["queries", "reroutes"], **workers}
        grading = {"grader": ["responses", "feedback"]}

        async def answered() -> bool:
            return not census.answers.unanswered(asked) and await self._lag(asking) == 0

        await self._until(answered, "every query is answered, and nothing waits", within_s)
        await self._fleet.stop(("router", "worker"))

        async def graded() -> bool:
            return await self._lag(grading) == 0

        await self._until(graded, "every answer is graded", within_s)
        await self._fleet.stop(("grader",))

        async def closed() -> bool:
            return measures.all_closed()

        await self._until(closed, "every metric is in a closed window", within_s)
        await self._fleet.stop(("aggregator",))

        async def ruled() -> bool:
            return not census.rules.without_rule(measures.whole_windows())

        await self._until(ruled, "every whole window has its rule", within_s)
        await self._fleet.stop(("tuner",))
        kept = {"archiver": sorted({row[0] for row in census.offsets.ranges})}

        async def archived() -> bool:
            return await self._lag(kept) == 0

        await self._until(archived, "everything is archived", within_s)
        await self._fleet.stop(("archiver",))
        await census.reader.catch_up()

    async def _until(self, reached: Callable[[], Awaitable[bool]], what: str, s: float) -> None:
        """Waits until then; gives up after ``s`` seconds without another answer."""
        began = moved = time.monotonic()
        answered = -1
        while True:
            await self._census.reader.catch_up()
            if await reached():
                break
            if len(self._census.answers.count) != answered:
                answered, moved = len(self._census.answers.count), time.monotonic()
            if time.monotonic() > moved + s:
                self.late.append(what)
                self._say(f"{s:g} s without progress: {what}")
                return
            await asyncio.sleep(POLL_S)
        self._say(f"{what} ({time.monotonic() - began:.1f} s)")

    async def _lag(self, groups: dict[str, list[str]]) -> int:
        """Records that these groups have not committed, of their topics."""
        ends = await self._census.reader.ends()
        lag = 0
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka.bootstrap)
        await admin.start()
        try:
            for group, topics in groups.items():
                names = {self._kafka.prefix + topic for topic in topics}
                commits = await admin.list_consumer_group_offsets(self._kafka.prefix + group)
                lag += sum(end - _at(commits, tp) for tp, end in ends.items() if tp.topic in names)
        finally:
            await admin.close()
        return lag


def _at(commits: dict[TopicPartition, object], partition: TopicPartition) -> int:
    commit = commits.get(partition)
    return max(0, getattr(commit, "offset", 0))
