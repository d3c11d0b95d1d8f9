"""``zeta demo``: a broker, models, every role; queries in, answers, scores and rules out.

It starts what the product is made of as processes, and is then only a client: all that it shows
it has read from topics.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import msgspec

from agents.client import Client
from agents.supervising import Child
from schemas.metric import Metric
from schemas.model_status import ModelStatus
from schemas.query import Query, Reference
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from streams.consuming import Record
from streams.settings import Settings
from streams.tables import TableReader, read_all

START_S = 60.0
POLL_S = 0.1

Say = Callable[[str], None]


class DemoError(RuntimeError):
    """The demonstration could not go on; the message says at which step."""


def model_children(endpoints: Mapping[str, int], *, simulated: bool) -> list[Child]:
    """The model servers' processes: one per local model, or one for all simulated ones."""
    zeta = [sys.executable, "-m", "agents.cli"]
    if simulated:
        first = str(min(endpoints.values()))
        return [Child("sim-model", [*zeta, "sim-model", "demo", "--port", first])]
    return [
        Child(name, [*zeta, "local-model", name, "--port", str(port)])
        for name, port in endpoints.items()
    ]


async def until(condition: Callable[[], bool], what: str, gave_up: asyncio.Event) -> None:
    """Waits for a condition.

    Raises:
        DemoError: the processes ended, or it takes longer than ``START_S``.
    """
    deadline = asyncio.get_running_loop().time() + START_S
    while not condition():
        if gave_up.is_set():
            raise DemoError(f"a process ended while waiting for {what}")
        if asyncio.get_running_loop().time() > deadline:
            raise DemoError(f"{what}: nothing within {START_S:g} s")
        await asyncio.sleep(POLL_S)


async def models_up(settings: Settings, gave_up: asyncio.Event) -> None:
    """Waits until every model's ``/health`` answers.

    Raises:
        DemoError: one doesn't.
    """
    healthy: set[str] = set()
    async with httpx.AsyncClient(timeout=2.0) as http:

        async def check(name: str, endpoint: str) -> None:
            while name not in healthy:
                try:
                    reply = await http.get(f"{endpoint}/health")
                    if reply.is_success:
                        healthy.add(name)
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(POLL_S)

        checks = [
            asyncio.create_task(check(name, model.endpoint))
            for name, model in settings.models.items()
        ]
        try:
            await until(lambda: len(healthy) == len(checks), "the models' health", gave_up)
        finally:
            for each in checks:
                each.cancel()
            await asyncio.gather(*checks, return_exceptions=True)


@dataclass
class Watcher:
    """What the demo sees on the topics: grades, every version of every rule, who is there."""

    settings: Settings
    on_rule: Callable[[RoutingRule], None] = lambda _: None
    on_grade: Callable[[Metric], None] = lambda _: None
    rules: dict[str, list[RoutingRule]] = field(default_factory=dict)
    grades: dict[str, float] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Follows the topics for as long as the block lasts."""
        kafka = self.settings.kafka
        readers: list[TableReader[RoutingRule] | TableReader[Metric] | TableReader[ModelStatus]] = [
            TableReader(kafka, "rules-log", RoutingRule, self._rule),
            TableReader(kafka, "metrics", Metric | Tick, self._metric),  # type: ignore[arg-type]
            TableReader(kafka, "model-status", ModelStatus, self._status),
        ]
        try:
            for reader in readers:
                await reader.start()
            yield
        finally:
            for reader in readers:
                await reader.stop()

    def _rule(self, rule: RoutingRule, _: Record) -> None:
        versions = self.rules.setdefault(rule.task, [])
        if not versions or versions[-1].version < rule.version:
            versions.append(rule)
            self.on_rule(rule)

    def _metric(self, metric: Metric | Tick, _: Record) -> None:
        if isinstance(metric, Metric) and metric.accuracy is not None:
            self.grades[metric.query_id] = metric.accuracy
            self.on_grade(metric)

    def _status(self, status: ModelStatus, _: Record) -> None:
        self.models.add(status.model)

    def ready(self) -> bool:
        """Whether every task has a rule and every model a worker."""
        return set(self.rules) >= set(self.settings.tasks) and self.models >= set(
            self.settings.models
        )


async def ask_all(
    settings: Settings,
    queries: Sequence[Query],
    per_second: float,
    on_answer: Callable[[Response], None],
    timeout_s: float,
) -> int:
    """Sends the queries at a steady pace and hands over the answers as they come.

    Returns:
        How many queries were answered, not counting error answers.
    """
    answered = 0
    async with Client(settings) as client:

        async def send() -> None:
            for query in queries:
                await client.send(query)
                await asyncio.sleep(1 / per_second)
            await client.flush()

        sending = asyncio.create_task(send())
        async for response in client.answers({query.query_id for query in queries}, timeout_s):
            on_answer(response)
            answered += response.error is None
        await sending
    return answered


def with_run_ids(queries: Sequence[Query], run: str) -> list[Query]:
    """The queries under ids of their own, so that a second run's answers aren't the first's."""
    return [msgspec.structs.replace(query, query_id=f"{run}-{query.query_id}") for query in queries]


def simulated_queries(count: int) -> Iterator[Query]:
    """Queries for simulated models, by turns for each task; the prompt holds the right answer.

    A simulated model reads ``sim-answer`` as its weights, so to speak: it gives that answer as
    often as its accuracy says. The graders see the reference only, as with any model.
    """
    for number in range(count):
        task = ("code", "reasoning", "embedding")[number % 3]
        query_id = f"{task}-{number:04}"
        if task == "embedding":
            yield Query(
                query_id=query_id,
                task=task,
                input=[
                    f"how to reset password number {number}",
                    f"reset my password number {number} please",
                    "the weather is fine today",
                    "bread and butter for breakfast",
                ],
                reference=Reference(kind="order"),
                any_space=True,
            )
        else:
            prompt = f"Question {number}.\nsim-task: {task}\nsim-answer: {number * 7}"
            yield Query(
                query_id=query_id,
                task=task,
                prompt=prompt,
                reference=Reference(kind="numeric", value=number * 7),
            )


async def rule_versions(settings: Settings) -> dict[str, list[RoutingRule]]:
    """Every version of every task's rule, oldest first."""
    versions: dict[str, dict[int, RoutingRule]] = {}
    for _, rule in await read_all(settings.kafka, "rules-log", RoutingRule):
        versions.setdefault(rule.task, {})[rule.version] = rule
    return {task: list(found.values()) for task, found in sorted(versions.items())}
