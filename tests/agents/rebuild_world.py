"""A small world in memory: what metrics, an aggregator and a tuner leave on the topics."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from agents.merging import RuleFold
from schemas.control import Control
from schemas.metric import Metric
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import Event, decode, encode
from streams.settings import Model, Routing, Settings, Task, Windows
from streams.windows import WindowFold

STEP_MS = 50
WINDOWS = Windows(size_s=0.2, panes=1, lateness_s=0.05, skew_s=0.1, horizon_s=0.3)
MODELS = ("a", "b", "c")
SETTINGS = Settings(
    models={
        name: Model(endpoint=f"http://{name}:80", protocol="tgi", serves=["chat"])
        for name in MODELS
    },
    tasks={"code": Task(), "reasoning": Task()},
    routing=Routing(default_task="code"),
    windows=WINDOWS,
)


@dataclass(frozen=True)
class Rec:
    """A record on a topic in memory."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


class MemoryLog:
    """Topics as lists, with beginnings that retention moves."""

    def __init__(self, partitions: int) -> None:
        self.topics: dict[str, list[list[Rec]]] = {
            "rules-log": [[]],
            "controls": [[]],
            "scores": [[]],
            "metrics": [[] for _ in range(partitions)],
        }
        self.begins: dict[tuple[str, int], int] = {}

    def append(self, topic: str, value: Event | bytes, now: int = 0, partition: int = 0) -> int:
        """Writes a record; returns its offset."""
        raw = encode(value) if isinstance(value, Event) else value
        records = self.topics[topic][partition]
        records.append(Rec(len(records), now, raw))
        return len(records) - 1

    def change(self, topic: str, index: int, change: Callable[[Any], Event | bytes]) -> Rec:
        """Alters a record (of partition 0) where it stands."""
        kinds = {"rules-log": RoutingRule, "scores": WindowScore, "metrics": Metric | Tick}
        old = self.topics[topic][0][index]
        new = change(decode(kinds[topic], old.value))  # type: ignore[arg-type]
        raw = encode(new) if isinstance(new, Event) else new
        self.topics[topic][0][index] = replace(old, value=raw)
        return old

    def trim(self, topic: str, offset: int, partition: int = 0) -> None:
        """Retention takes what is before the offset."""
        self.begins[topic, partition] = offset

    def trim_until(self, topic: str, at: int) -> None:
        """Retention takes what is older than this."""
        for number, records in enumerate(self.topics[topic]):
            self.trim(topic, sum(record.timestamp < at for record in records), number)

    def partitions(self, topic: str) -> Sequence[int]:
        return range(len(self.topics[topic]))

    def beginning(self, topic: str, partition: int) -> int:
        return self.begins.get((topic, partition), 0)

    def end(self, topic: str, partition: int) -> int:
        return len(self.topics[topic][partition])

    async def read(
        self, topic: str, partition: int, start: int | None = None
    ) -> AsyncIterator[Sequence[Rec]]:
        records = self.topics[topic][partition]
        first = max(self.beginning(topic, partition), start or 0)
        for index in range(first, len(records), 3):
            yield records[index : index + 3]

    def rules(self) -> list[RoutingRule]:
        """What is on ``rules-log``."""
        return [decode(RoutingRule, record.value) for record in self.topics["rules-log"][0]]


@dataclass
class World:
    """Steps of ``STEP_MS``; everything random comes from ``seed``."""

    seed: int = 0
    partitions: int = 2
    settings: Settings = SETTINGS
    now: int = 1_000_000
    log: MemoryLog = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.log = MemoryLog(self.partitions)
        self._folds = [self._fold(number) for number in range(self.partitions)]
        self._tuner = RuleFold()
        self._newest: dict[str, RoutingRule] = {}
        self._committed = 0
        self._recent: list[Metric] = []
        self._count = 0
        self.configure()

    def _fold(self, number: int) -> WindowFold:
        return WindowFold(
            partition=number,
            partitions=self.partitions,
            tasks=self.settings.tasks,
            windows=self.settings.windows,
        )

    def configure(self, **changes: Any) -> None:
        """The tuner's settings as they are from now on."""
        for task in self.settings.tasks:
            configuration = self.settings.routing_configuration(task)
            configuration = msgspec.structs.replace(configuration, **changes)
            self.tell("configure", task, configuration=configuration)

    def tell(self, action: Any, task: str = "code", **fields: Any) -> None:
        """Writes a control; the tuner takes it."""
        control = Control(task=task, action=action, issued_at=self.now, **fields)
        offset = self.log.append("controls", control, self.now)
        self._publish([self._tuner.control(offset, control)])

    @property
    def tuner(self) -> RuleFold:
        """As it is now."""
        return self._tuner

    def run(self, steps: int) -> None:
        """Lets time pass with traffic: late, early and repeated records among it."""
        for _ in range(steps):
            self.now += STEP_MS
            for number in range(self.partitions):
                for _ in range(self.random.randrange(4)):
                    self._take(number, self._metric())
                if self.random.random() < 0.1:
                    self.log.append("metrics", b"rubbish", self.now, number)
                    self._folds[number].fold(self.log.end("metrics", number) - 1, self.now, None)
                if self.random.random() < 0.8:
                    self._take(number, Tick(ticked_at=self.now + self.random.randrange(-20, 20)))

    def _metric(self) -> Metric:
        if self._recent and self.random.random() < 0.1:
            return self.random.choice(self._recent[-8:])
        self._count += 1
        model = self.random.choice(MODELS)
        graded = self.random.random() < 0.5
        metric = Metric(
            query_id=f"q{self._count}",
            attempt=1,
            model=model,
            task=self.random.choice(("code", "code", "reasoning")),
            kind="judgement" if graded else "outcome",
            grader="exact" if graded else "",
            accuracy=float(self.random.random() < 0.3 * (1 + MODELS.index(model))),
            ok=True,
            response_time_s=self.random.random(),
            decided_at=0,
            observed_at=self.now - self.random.choice((0, 0, 0, 30, 300, -90)),
        )
        self._recent.append(metric)
        return metric

    def _take(self, number: int, event: Metric | Tick) -> None:
        offset = self.log.append("metrics", event, self.now, number)
        for part in self._folds[number].fold(offset, self.now, event):
            self._score(part)

    def _score(self, value: Event) -> None:
        offset = self.log.append("scores", value, self.now)
        self._publish(self._tuner.score(offset, decode(WindowScore, encode(value))))
        self._committed = min(self._tuner.oldest_open() or offset + 1, offset + 1)

    def _publish(self, rules: Any) -> None:
        for rule in rules:
            if rule is not None:
                self._newest[rule.task] = rule
                self.log.append("rules-log", rule, self.now)

    def kill_tuner(self) -> None:
        """It starts again from its newest rules and its commit; the last rule comes twice."""
        last = self.log.topics["rules-log"][0][-1]
        assert last.value is not None
        self.log.append("rules-log", last.value, self.now)
        self._tuner = RuleFold(self._newest.values())
        for record in self.log.topics["controls"][0]:
            self._publish([self._tuner.control(record.offset, decode(Control, record.value))])
        for record in self.log.topics["scores"][0][self._committed :]:
            part = decode(WindowScore, record.value)
            self._publish(self._tuner.score(record.offset, part))

    def kill_aggregator(self, count: int = 5) -> None:
        """Its last parts come twice."""
        for record in self.log.topics["scores"][0][-count:]:
            self._score(decode(WindowScore, record.value))


def lived(seed: int = 0) -> World:
    """A world in which everything happened: orders, changes, kills."""
    world = World(seed)
    world.run(20)
    world.tell("pin", model="c", reason="a test")
    world.run(10)
    world.kill_aggregator()
    world.tell("freeze", "reasoning")
    world.run(10)
    world.tell("unpin")
    world.configure(exploration=0.2)
    world.run(10)
    world.kill_tuner()
    world.tell("exclude", model="a")
    world.run(20)
    world.tell("unfreeze", "reasoning")
    world.kill_aggregator(9)
    world.kill_tuner()
    world.run(30)
    return world
