"""A log written by the router's, windows' and tuner's own code, whose answers are all known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from agents.merging import RuleFold
from agents.routing import Table, decide
from agents.whatif.judging import Judgement, judge
from agents.whatif.reading import Question, read_past
from schemas.assignment import Assignment, Decision
from schemas.control import Control
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import Event, decode, encode
from streams.settings import Model, Routing, Settings, Task, Windows
from streams.windows import WindowFold
from tests.agents.rebuild_world import MemoryLog

GAP_MS = 100
Grades = Mapping[str, float | None]
"""By model: what its answer is worth; None: it fails."""


def settings_of(*models: str, **routing: Any) -> Settings:
    """Tasks code and reasoning; windows of 40 queries."""
    return Settings(
        models={name: Model(protocol="tgi", serves=["chat"]) for name in models},
        tasks={"code": Task(), "reasoning": Task()},
        routing=Routing(**{"default_task": "code", "objective": "accuracy", **routing}),
        windows=Windows(size_s=4.0, panes=1, lateness_s=0.0, skew_s=60, horizon_s=60),
    )


@dataclass
class World:
    """Queries in, topics out; ``grades``: of each query, what every model's answer was worth."""

    settings: Settings
    now: int = 1_000_000
    log: MemoryLog = field(default_factory=lambda: MemoryLog(1))
    decisions: list[Decision] = field(default_factory=list)
    grades: list[Grades] = field(default_factory=list)
    unhealthy: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.log.topics |= {"responses": [[]], "reroutes": [[]]}
        self._rules: dict[str, RoutingRule] = {}
        self._tuner = RuleFold()
        self._windows = WindowFold(
            partition=0, partitions=1, tasks=self.settings.tasks, windows=self.settings.windows
        )
        for task in self.settings.tasks:
            configuration = self.settings.routing_configuration(task)
            self.tell(
                Control(task=task, action="configure", configuration=configuration, issued_at=0)
            )

    def tell(self, control: Control) -> None:
        """Writes a control; the tuner takes it."""
        offset = self.log.append("controls", control, self.now)
        self._publish([self._tuner.control(offset, control)])

    def _publish(self, rules: Any) -> None:
        for rule in rules:
            if rule is not None:
                self._rules[rule.task] = rule
                self.log.append("rules-log", rule, self.now)

    def write(self, event: Metric | Tick) -> None:
        """The next record of ``metrics``; windows close and rules follow."""
        offset = self.log.append("metrics", event, self.now)
        for part in self._windows.fold(offset, self.now, event):
            at = self.log.append("scores", part, self.now)
            self._publish(self._tuner.score(at, decode(WindowScore, encode(part))))

    def ask(self, query: Query, grades: Grades, *, graded: bool = True) -> Decision:
        """Routes a query; its model answers, and the answer is graded. A failure is rerouted."""
        self.now += GAP_MS
        self.write(Tick(ticked_at=self.now))
        table = Table(self._rules, self.unhealthy)
        task = query.task or "code"
        decision = decide(self.settings, table, query, task, (), now_ms=self.now)
        assert isinstance(decision, Decision)
        self.decisions.append(decision)
        self.grades.append(grades)
        self._answer(query, decision, 1, grades[decision.model], graded)
        if grades[decision.model] is None:
            tried = [decision.model]
            self._put("reroutes", assignment(query, decision, tried))
            other = decide(self.settings, table, query, task, tried, now_ms=self.now)
            assert isinstance(other, Decision)
            self._answer(query, other, 2, grades[other.model], graded)
        return decision

    def _put(self, topic: str, event: Event) -> None:
        self.log.append(topic, event, self.now)

    def _answer(
        self, query: Query, decision: Decision, attempt: int, grade: float | None, graded: bool
    ) -> None:
        for metric in metrics(query, decision, attempt, grade if graded else None, grade is None):
            self.write(metric)
        if grade is not None:
            self._put(
                "responses",
                Response(
                    query_id=query.query_id,
                    model=decision.model,
                    attempt=attempt,
                    decision=decision,
                    answered_at=self.now,
                ),
            )

    async def ask_about(self, question: Question, clip: float | None = None) -> list[Judgement]:
        """The judgement of each target."""
        past, targets = await read_past(self.log, self.settings, question)
        return [judge(past, target, clip) for target in targets]


def metrics(
    query: Query, decision: Decision, attempt: int, grade: float | None, failed: bool
) -> list[Metric]:
    """An attempt's outcome, and its grade if there is one."""
    metric = partial(
        Metric,
        query_id=query.query_id,
        attempt=attempt,
        model=decision.model,
        task=decision.task,
        decision_kind=decision.kind,
        propensity=decision.propensity,
        rule_version=decision.rule_version,
        session=query.session,
        decided_at=decision.decided_at,
        observed_at=decision.decided_at,
    )
    outcome = metric(
        kind="outcome",
        ok=not failed,
        error="timeout" if failed else None,
        response_time_s=9.0 if failed else 0.5,
    )
    if grade is None:
        return [outcome]
    return [outcome, metric(kind="judgement", grader="exact", accuracy=grade)]


def assignment(query: Query, decision: Decision, tried: list[str]) -> Assignment:
    """What a worker hands on."""
    return Assignment(
        query=query,
        task=decision.task,
        attempt=2,
        asked_at=decision.decided_at,
        deadline_at=decision.decided_at + 1000,
        decision=decision,
        tried=tried,
    )


def without(log: MemoryLog, *topics: str) -> None:
    """Retention takes these topics."""
    for topic in topics:
        log.topics[topic] = [[]]
