"""Does learning suffer from size? Windows in many partitions' parts, and rules that come late.

Recorded outcomes are played as ``zeta evaluate`` does, through the same code, with two changes:
metrics are spread over partitions by their query id, each with its own fold, and a router takes a
rule into force only so long after it was published.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import mean
from typing import Any

from agents.classifying import classify
from agents.crediting import home_of
from agents.evaluation.draws import draw
from agents.evaluation.metrics import metrics
from agents.evaluation.options import Options, make_plans
from agents.evaluation.plan import Plan
from agents.merging import RuleFold
from agents.routing import Refusal, Table, decide
from agents.scaling.timing import started
from schemas.assignment import Decision
from schemas.metric import Metric
from schemas.query import Query
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from streams.settings import Settings
from streams.windows import WindowFold

PARTITIONS = (1, 16, 64)
LATE_PANES = (0, 1, 4, 16)
SHIFT = "medium-8b:-0.4"
SHIFT_AT = 0.4


class SpreadLoop:
    """A router that hears of rules late, ``metrics`` in partitions, and the tuner."""

    def __init__(self, settings: Settings, partitions: int, late_ms: int) -> None:
        self._settings = settings
        self._late_ms = late_ms
        self._folds = [
            WindowFold(
                partition=number,
                partitions=partitions,
                tasks=settings.tasks,
                windows=settings.windows,
            )
            for number in range(partitions)
        ]
        self._offsets = [0] * partitions
        self._tuner: RuleFold = started(settings)
        self._rules: dict[str, RoutingRule] = {}
        self._table = Table(self._rules)
        self._coming: deque[tuple[int, RoutingRule]] = deque()
        self._scores = 0

    def ask(self, query: Query, now_at: int) -> Decision:
        """Closes what is due, and routes by the rules that have come by now."""
        for partition in range(len(self._folds)):
            self._fold(partition, Tick(ticked_at=now_at), now_at)
        while self._coming and self._coming[0][0] <= now_at:
            _, rule = self._coming.popleft()
            self._rules[rule.task] = rule
        task = classify(self._settings, query)
        decision = decide(self._settings, self._table, query, task, (), now_ms=now_at)
        assert not isinstance(decision, Refusal), "every model is healthy"
        return decision

    def tell(self, metric: Metric) -> None:
        """Takes a metric into its query's partition."""
        partition = home_of(metric.query_id, len(self._folds))
        self._fold(partition, metric, metric.observed_at)

    def _fold(self, partition: int, event: Metric | Tick, now_at: int) -> None:
        offset = self._offsets[partition]
        self._offsets[partition] += 1
        for part in self._folds[partition].fold(offset, now_at, event):
            for rule in self._tuner.score(self._scores, part):
                self._coming.append((now_at + self._late_ms, rule))
            self._scores += 1


def play(plan: Plan, seed: int, partitions: int, late_ms: int) -> float:
    """Deals the seed's draw to such a loop; the mean grade of the answers that it chose."""
    dealt = draw(plan.outcomes, plan.shift, plan.arrivals, seed)
    loop = SpreadLoop(plan.settings, partitions, late_ms)
    columns = {name: column for column, name in enumerate(plan.outcomes.models)}
    answers, grades = dealt.answers, []
    for number, (at, query) in enumerate(dealt.queries()):
        decision = loop.ask(query, at)
        place = (number, columns[decision.model])
        grades.append(float(answers.correct[place]))
        latency_s, cost = float(answers.latency_s[place]), float(answers.cost_usd[place])
        for metric in metrics(query.query_id, decision, grades[-1], latency_s, cost):
            loop.tell(metric)
    return mean(grades)


def learning(
    seeds: int = 20,
    partitions: Sequence[int] = PARTITIONS,
    late_panes: Sequence[int] = LATE_PANES,
) -> list[dict[str, Any]]:
    """Mean grade of the answers over the seeds, by partitions, then by panes of lateness."""
    (plan,) = make_plans(
        Settings(), Options(None, None, None, (), "accuracy", 80, SHIFT, SHIFT_AT, None, False)
    )
    sizes = [(each, 0) for each in partitions]
    sizes += [(partitions[0], late) for late in late_panes if late]
    return [_row(plan, count, late, seeds) for count, late in sizes]


def _row(plan: Plan, partitions: int, late: int, seeds: int) -> dict[str, Any]:
    late_ms = late * plan.settings.windows.pane_ms
    grades = [play(plan, seed, partitions, late_ms) for seed in range(seeds)]
    return {"partitions": partitions, "late_panes": late, "accuracy": mean(grades)}
