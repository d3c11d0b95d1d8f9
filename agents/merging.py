"""The tuner's fold: partitions' parts of windows, and controls, into rules. Pure; no I/O.

A window is whole once every ``metrics`` partition has closed it; then its parts are merged, and
the rule follows (``agents.tuning``). A part that comes again, from an aggregator that was killed,
is the same part and counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from agents.tuning import Orders, Window, digest, next_rule
from schemas.control import Control, RoutingConfiguration
from schemas.routing_rule import Inputs, RoutingRule
from schemas.window_score import WindowScore
from streams.summaries import merge


@dataclass(frozen=True)
class _Part:
    offset: int
    score: WindowScore


@dataclass
class _TaskFold:
    """One task: its configuration, orders, newest rule, and parts of windows not yet whole."""

    configuration: RoutingConfiguration | None = None
    orders: Orders = field(default_factory=Orders)
    rule: RoutingRule | None = None
    parts: dict[tuple[int, int, int], _Part] = field(default_factory=dict)
    closed_at: dict[int, int] = field(default_factory=dict)


class RuleFold:
    """Parts and controls in, rules out.

    Args:
        rules: the newest rule of each task, where to go on.
    """

    def __init__(self, rules: Iterable[RoutingRule] = ()) -> None:
        self._tasks: dict[str, _TaskFold] = {}
        self._next_control = 0
        for rule in rules:
            self._task(rule.task).rule = rule

    def _task(self, name: str) -> _TaskFold:
        return self._tasks.setdefault(name, _TaskFold())

    def configurations(self) -> Mapping[str, RoutingConfiguration]:
        """The newest configuration of each task."""
        return {
            name: task.configuration
            for name, task in self._tasks.items()
            if task.configuration is not None
        }

    def control(self, offset: int, control: Control) -> RoutingRule | None:
        """Takes an order or a configuration; the rule that follows, if it changes anything.

        One that the task's newest rule has seen already is only remembered.
        """
        self._next_control = offset + 1
        task = self._task(control.task)
        before = (task.configuration and digest(task.configuration), task.orders)
        if control.action == "configure":
            task.configuration = control.configuration
        else:
            task.orders = _ordered(task.orders, control)
        after = (task.configuration and digest(task.configuration), task.orders)
        seen = task.rule is not None and offset < task.rule.inputs.controls
        if seen or before == after or task.configuration is None:
            return None
        scores = task.rule.inputs.scores if task.rule else 0
        return self._follow(task, task.configuration, None, scores)

    def score(self, offset: int, score: WindowScore) -> Iterator[RoutingRule]:
        """Takes one partition's part; the rules of the windows that are whole with it, in order."""
        task = self._task(score.task)
        if task.rule is None or score.window_end_at > task.rule.window_end_at:
            key = (score.window_end_at, score.window_start_at, score.partition)
            if score.models:
                task.parts.setdefault(key, _Part(offset, score))
        closed = task.closed_at.get(score.partition, 0)
        task.closed_at[score.partition] = max(closed, score.window_end_at)
        if len(task.closed_at) >= score.partitions and task.configuration is not None:
            yield from self._fold_whole(task, task.configuration)

    def _fold_whole(
        self, task: _TaskFold, configuration: RoutingConfiguration
    ) -> Iterator[RoutingRule]:
        whole_until = min(task.closed_at.values())
        while task.parts and (first := min(task.parts))[0] <= whole_until:
            keys = [key for key in sorted(task.parts) if key[:2] == first[:2]]
            parts = [task.parts.pop(key) for key in keys]
            scores = 1 + max(part.offset for part in parts)
            yield self._follow(task, configuration, _merged(parts), scores)

    def _follow(
        self,
        task: _TaskFold,
        configuration: RoutingConfiguration,
        window: Window | None,
        scores: int,
    ) -> RoutingRule:
        inputs = Inputs(scores=scores, controls=self._next_control)
        task.rule = next_rule(configuration, task.orders, task.rule, window, inputs)
        return task.rule

    def oldest_open(self) -> int | None:
        """The offset of the oldest part that waits for others; None when none does."""
        offsets = [part.offset for task in self._tasks.values() for part in task.parts.values()]
        return min(offsets, default=None)


def _merged(parts: list[_Part]) -> Window:
    names = sorted({name for part in parts for name in part.score.models})
    return Window(
        start_at=parts[0].score.window_start_at,
        end_at=parts[0].score.window_end_at,
        models={
            name: merge(part.score.models[name] for part in parts if name in part.score.models)
            for name in names
        },
    )


def _ordered(orders: Orders, control: Control) -> Orders:
    """The orders after a control."""
    if control.action == "pin":
        return Orders(control.model, orders.frozen, orders.excluded)
    if control.action == "unpin":
        return Orders(None, orders.frozen, orders.excluded)
    if control.action in ("freeze", "unfreeze"):
        return Orders(orders.pinned, control.action == "freeze", orders.excluded)
    change = frozenset({control.model or ""})
    if control.action == "exclude":
        return Orders(orders.pinned, orders.frozen, orders.excluded | change)
    return Orders(orders.pinned, orders.frozen, orders.excluded - change)
