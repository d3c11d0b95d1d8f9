"""Whole stages, fed with records: nothing may stop them, and what they send must be readable."""

from __future__ import annotations

import functools
from typing import Any

from aiokafka.structs import TopicPartition

from agents.aggregator import Aggregator
from agents.client import _decoded as read_answer
from agents.partition_index import _decoded as read_past
from agents.router import Router
from agents.tuner import Tuner
from schemas.assignment import Assignment
from schemas.control import Control
from schemas.feedback import Feedback
from schemas.response import Response
from schemas.wire import encode
from streams.windows import WindowFold
from tests.fuzz.shaping import Choices, examples_of, record, shaped, values
from tests.fuzz.stage import FakeApp, batch, finish, settings
from tests.fuzz.target import Target

NOW = 1_790_000_000_000
FAR = 2**62


def _ids(sent: list[tuple[str, Any, Any]]) -> set[str]:
    return {topic for topic, _, _ in sent}


async def _route(choices: Choices) -> None:
    app: Any = FakeApp()
    router = Router(settings(), app, lambda: FAR if choices.number(2) else NOW)
    topic = choices.of(("queries", "reroutes"))
    for offset, value in enumerate(values(choices, topic, 4)):
        row = record(choices, topic, value, offset, choices.of((NOW, 0, 1, NOW * 1000)))
        rows = batch(topic, [row])
        before = len(app.outbox.sent)
        if topic == "queries":
            await router.handle(rows)
        else:
            router._now_ms = lambda: FAR  # nothing waits
            await router._handle_reroute(rows, row)
        assert _ids(app.outbox.sent[before:]), "it was lost"


def route(data: bytes) -> None:
    """`queries` and `reroutes` through the router: each record leads to another."""
    finish(_route(Choices(data)))


async def _aggregate(choices: Choices) -> None:
    app: Any = FakeApp()
    aggregator = Aggregator(settings(), app, lambda: NOW)
    where = TopicPartition("metrics", 0)
    aggregator.folds[where] = WindowFold(
        partition=0,
        partitions=1,
        tasks=settings().tasks,
        windows=settings().windows,
    )
    at = NOW
    for offset, value in enumerate(values(choices, "metrics", 12)):
        at += choices.of((0, 1, 20_000, 400_000))
        row = record(choices, "metrics", value, offset, choices.of((at, at, at, 0, -1)))
        await aggregator.handle(batch("metrics", [row]))
    aggregator.folds[where].anchor()


def aggregate(data: bytes) -> None:
    """`metrics` through the aggregator."""
    finish(_aggregate(Choices(data)))


@functools.cache
def _configured() -> list[bytes]:
    controls = [
        Control(
            task=task,
            action="configure",
            configuration=settings().routing_configuration(task),
            issued_at=NOW,
        )
        for task in settings().tasks
    ]
    return [encode(control) for control in controls]


async def _count_nothing() -> None:
    """There is no broker to ask."""


async def _tune(choices: Choices) -> None:
    app: Any = FakeApp()
    tuner = Tuner(settings(), app, lambda: NOW)
    tuner._count_partitions = _count_nothing  # type: ignore[method-assign]
    for offset, control in enumerate(_configured()):
        row = record(Choices(b""), "controls", control, offset, NOW)
        await tuner.handle(batch("controls", [row]))
    for offset in range(3, 15):
        if not choices.left:
            break
        topic = choices.of(("scores", "scores", "controls"))
        examples = [{**row, **_place(choices)} for row in examples_of(topic)]
        value = shaped(choices, examples, 4)
        row = record(choices, topic, value, offset, NOW)
        await tuner.handle(batch(topic, [row]))
    await tuner.repeat_standing()


def _place(choices: Choices) -> dict[str, Any]:
    """A task and a window that follow each other, so that some become rules."""
    start = NOW + 15_000 * choices.number(8) - 600_000
    task = choices.of(tuple(settings().tasks))
    return {"task": task, "window_start_at": start, "window_end_at": start + 15_000}


def tune(data: bytes) -> None:
    """`scores` and `controls` through the tuner; its rules must be readable."""
    finish(_tune(Choices(data)))


def read_back(data: bytes) -> None:
    """Readers that pass over what they can't use: clients, and the grader's look at the past."""
    choices = Choices(data)
    for kind in (Response, Feedback, Assignment):
        topic = {Response: "responses", Feedback: "feedback"}.get(kind, "reroutes")
        value = shaped(choices, examples_of(topic))
        read_answer(value)
        read_past(kind, [record(choices, topic, value, 0, NOW)])


TARGETS = (
    Target("router", route, most_bytes=512),
    Target("aggregator", aggregate, most_bytes=1024),
    Target("tuner", tune, most_bytes=1024),
    Target("readers", read_back, most_bytes=512),
)
