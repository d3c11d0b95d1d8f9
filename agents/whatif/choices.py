"""What was decided and what came of it: ``metrics``, folded into one choice per query.

Kept are the decisions of kind ``policy``: a pin, a reroute, a forced choice and a shadow copy
weren't drawn from the rule's weights, so they tell nothing about it. Memory grows with the
number of choices, not of records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from schemas.metric import Metric
from schemas.tick import decode_metrics
from schemas.wire import WireError
from streams.history import Log
from streams.replay.origin import new_records
from streams.settings import Kafka

Wanted = Callable[[Metric], bool]
OnProgress = Callable[[int], None]


class Counts(msgspec.Struct, kw_only=True):
    """What was read, and what of it is left out: ``records`` of metrics, decisions otherwise.

    ``undecodable`` and ``duplicates`` are records. ``no_choice``: pins, reroutes, forced and
    shadow decisions. ``repeated``: a query's later choices. ``unwanted``: other tasks or times.
    """

    records: int = 0
    undecodable: int = 0
    duplicates: int = 0
    no_choice: int = 0
    unwanted: int = 0
    repeated: int = 0
    choices: int = 0


@dataclass(slots=True)
class Choice:
    """One decision and what came of it.

    ``key``: the session, else the query id: what the routing hash was drawn over.
    ``trust`` and ``reward`` are sums over judgements, the reward weighed by trust.
    """

    query_id: str
    attempt: int
    task: str
    model: str
    key: str
    decided_at: int
    rule_version: int
    propensity: float | None
    trust: float = 0.0
    reward: float = 0.0
    ok: bool | None = None
    response_time_s: float | None = None
    cost_usd: float | None = None
    graders: list[str] = field(default_factory=list)

    @property
    def grade(self) -> float | None:
        """0..1 as the tuner counts it: by trust, a failure as one full grade of 0; or None."""
        weight = self.trust + (self.ok is False)
        return self.reward / weight if weight > 0 else None


def chosen_by(metric: Metric) -> Choice:
    """The choice that a metric speaks of, without what came of it."""
    return Choice(
        query_id=metric.query_id,
        attempt=metric.attempt,
        task=metric.task,
        model=metric.model,
        key=metric.session or metric.query_id,
        decided_at=metric.decided_at,
        rule_version=metric.rule_version,
        propensity=metric.propensity,
    )


class ChoiceFold:
    """Metrics in, in any order; choices out.

    Args:
        wanted: which decisions to keep, by any of their metrics.
    """

    def __init__(self, wanted: Wanted = lambda _: True) -> None:
        self.counts = Counts()
        self._wanted = wanted
        self._choices: dict[tuple[str, int, str], Choice] = {}
        self._others: dict[str, set[int]] = {"no_choice": set(), "unwanted": set()}

    def add(self, metric: Metric) -> None:
        """Takes a metric; one with the identity of an earlier one counts for nothing."""
        self.counts.records += 1
        key = (metric.query_id, metric.attempt, metric.model)
        if metric.decision_kind != "policy":
            self._others["no_choice"].add(hash(key))
        elif not self._wanted(metric):
            self._others["unwanted"].add(hash(key))
        else:
            choice = self._choices.get(key)
            if choice is None:
                choice = self._choices[key] = chosen_by(metric)
            self.counts.duplicates += not _take(choice, metric)

    def skip(self) -> None:
        """Passes over a record that is no metric."""
        self.counts.undecodable += 1

    def choices(self) -> list[Choice]:
        """Each query's first choice, in the order of their times."""
        ordered = sorted(self._choices.values(), key=lambda one: (one.decided_at, one.attempt))
        first: dict[str, Choice] = {}
        for choice in ordered:
            first.setdefault(choice.query_id, choice)
        self.counts.choices = len(first)
        self.counts.repeated = len(ordered) - len(first)
        for name, keys in self._others.items():
            setattr(self.counts, name, len(keys))
        return list(first.values())


def _take(choice: Choice, metric: Metric) -> bool:
    """Notes what came of the choice; False: it is known already."""
    if metric.kind == "outcome":
        if choice.ok is not None:
            return False
        choice.ok = metric.ok
        choice.response_time_s, choice.cost_usd = metric.response_time_s, metric.cost_usd
        return True
    if metric.grader in choice.graders:
        return False
    choice.graders.append(metric.grader)
    choice.trust += metric.trust
    choice.reward += metric.trust * (metric.accuracy or 0.0)
    return True


async def read_choices(
    log: Log, kafka: Kafka, fold: ChoiceFold, progress: OnProgress = lambda _: None
) -> None:
    """Folds all of the log's ``metrics`` but those of a replay."""
    for partition in log.partitions("metrics"):
        async for records in log.read("metrics", partition):
            _fold_values(fold, (record.value for record in new_records(kafka, records)))
            progress(len(records))


def _fold_values(fold: ChoiceFold, values: Iterable[bytes | None]) -> None:
    for value in values:
        try:
            event = decode_metrics(value)
        except WireError:
            fold.skip()  # the aggregator has put it on dead-letters
            continue
        if isinstance(event, Metric) and event.replay is None:
            fold.add(event)
