"""The system under test: production's classifier, router, windows and tuner, without Kafka.

The topics between them are in-memory hand-overs, in order; all that decides anything is the very
code that the roles run. It sees a query's task and text, and later the metrics of the model that
it chose.
"""

from __future__ import annotations

from agents.classifying import classify
from agents.merging import RuleFold
from agents.routing import Refusal, Table, decide
from schemas.assignment import Decision
from schemas.control import Control
from schemas.metric import Metric
from schemas.query import Query
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from streams.settings import Settings
from streams.windows import WindowFold


class Loop:
    """A router, one ``metrics`` partition's aggregator, and the tuner, from a cold start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._windows = WindowFold(
            partition=0, partitions=1, tasks=settings.tasks, windows=settings.windows
        )
        self._tuner = RuleFold()
        self._rules: dict[str, RoutingRule] = {}
        self._table = Table(self._rules)
        self._metrics = 0
        self._scores = 0
        self._published: list[RoutingRule] = []
        for offset, task in enumerate(settings.tasks):
            self._configure(offset, task)

    def _configure(self, offset: int, task: str) -> None:
        configuration = self._settings.routing_configuration(task)
        control = Control(task=task, action="configure", configuration=configuration, issued_at=0)
        rule = self._tuner.control(offset, control)
        assert rule is not None
        self._publish(rule)

    def _publish(self, rule: RoutingRule) -> None:
        self._rules[rule.task] = rule
        self._published.append(rule)

    def published(self) -> list[RoutingRule]:
        """The rules published since this was last called, oldest first."""
        rules, self._published = self._published, []
        return rules

    def ask(self, query: Query, asked_at: int) -> Decision:
        """Routes a query by the rules in force."""
        task = classify(self._settings, query)
        decision = decide(self._settings, self._table, query, task, (), now_ms=asked_at)
        assert not isinstance(decision, Refusal), decision.message
        return decision

    def tell(self, event: Metric | Tick) -> None:
        """Takes the next record of ``metrics``, logged at its own time; rules may follow."""
        at = event.ticked_at if isinstance(event, Tick) else event.observed_at
        parts = self._windows.fold(self._metrics, at, event)
        self._metrics += 1
        for part in parts:
            for rule in self._tuner.score(self._scores, part):
                self._publish(rule)
            self._scores += 1
