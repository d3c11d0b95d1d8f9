"""The tuner's fold: partitions' parts of windows, and controls, into rules. Pure; no I/O.

A window is whole once every ``metrics`` partition has closed it; then its parts are merged, and
the rule follows (``agents.tuning``). A part that comes again, from an aggregator that was killed,
is the same part and counts once. A partition publishes its parts in order of their ends, so a
part of a later window, of whatever task, says as well that it has closed the earlier ones: a
task that only the metrics know, not the aggregator's settings, gets its rules by that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agents.learning import Window
from agents.sanity import configuration_problem
from agents.standing import Standing, obey, standing_of
from agents.tuning import next_rule
from schemas.control import Control, RoutingConfiguration
from schemas.routing_rule import Inputs, RoutingRule
from schemas.window_score import WindowScore
from streams.summaries import merge

MOST_WAITING = 200
MOST_PARTS = 1000
"""Tasks without a configuration are remembered so far: so many, with so many parts of each.

Their names come from clients, and a configuration may never come; the oldest parts go first.
"""


@dataclass(frozen=True)
class _Part:
    offset: int
    score: WindowScore


@dataclass
class _TaskFold:
    """One task: what stands for it, its newest rule, and parts of windows not yet whole."""

    standing: Standing = field(default_factory=Standing)
    rule: RoutingRule | None = None
    parts: dict[tuple[int, int, int], _Part] = field(default_factory=dict)
    oldest: tuple[int, int] | None = None
    """The end and the start of the oldest of those windows."""
    closed: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By partition: the end of the newest window closed, and the offset that said so."""
    behind: int = 0
    """The partition that had not closed the oldest window when it was last looked for."""

    def put(self, key: tuple[int, int, int], part: _Part) -> None:
        """Takes a part; one that is there already stays."""
        self.parts.setdefault(key, part)
        self.oldest = min(self.oldest or key[:2], key[:2])

    def take(self, window: tuple[int, int]) -> list[_Part]:
        """Gives up a window's parts, in the order of their partitions."""
        keys = [key for key in sorted(self.parts) if key[:2] == window]
        taken = [self.parts.pop(key) for key in keys]
        self.oldest = min(self.parts)[:2] if self.parts else None
        return taken

    def drop_oldest(self) -> None:
        """Forgets one part."""
        del self.parts[min(self.parts)]
        self.oldest = min(self.parts)[:2] if self.parts else None


class RuleFold:
    """Parts and controls in, rules out.

    Args:
        rules: the newest rule of each task, where to go on.
    """

    def __init__(self, rules: Iterable[RoutingRule] = ()) -> None:
        self._tasks: dict[str, _TaskFold] = {}
        self._closed_at: dict[int, int] = {}
        self._partitions = 1
        self._next_control = 0
        for rule in rules:
            task = self._task(rule.task)
            task.rule = rule
            task.standing = standing_of(rule)

    def _task(self, name: str) -> _TaskFold:
        return self._tasks.setdefault(name, _TaskFold())

    def _waiting(self) -> list[str]:
        """The tasks that have scores, and no configuration."""
        rows = self._tasks.items()
        return [name for name, task in rows if task.standing.configuration is None]

    def configurations(self) -> Mapping[str, RoutingConfiguration]:
        """The newest configuration of each task."""
        return {
            name: task.standing.configuration
            for name, task in self._tasks.items()
            if task.standing.configuration is not None
        }

    def standings(self) -> Mapping[str, Standing]:
        """What stands for each task, as of ``next_control``."""
        return {name: task.standing for name, task in self._tasks.items()}

    @property
    def next_control(self) -> int:
        """The next offset of ``controls`` to take."""
        return self._next_control

    def control(self, offset: int, control: Control) -> RoutingRule | None:
        """Takes an order or a configuration; the rule that follows, if it changes anything.

        One that the task's newest rule has seen already is only remembered.
        """
        self._next_control = offset + 1
        task = self._task(control.task)
        wanted = control.configuration
        if wanted is not None and configuration_problem(control.task, wanted) is not None:
            return None  # no policy could work by it
        seen = task.rule is not None and offset < task.rule.inputs.controls
        before, task.standing = task.standing, obey(task.standing, offset, control, seen=seen)
        configuration = task.standing.configuration
        if seen or before.effect == task.standing.effect or configuration is None:
            return None
        scores = task.rule.inputs.scores if task.rule else 0
        return self._follow(task, configuration, None, scores)

    def score(self, offset: int, score: WindowScore) -> Iterator[RoutingRule]:
        """Takes one partition's part; the rules of the windows that are whole with it, in order."""
        if score.task not in self._tasks and len(self._waiting()) >= MOST_WAITING:
            return  # one more task that nobody has configured
        task = self._task(score.task)
        if task.rule is None or score.window_end_at > task.rule.window_end_at:
            key = (score.window_end_at, score.window_start_at, score.partition)
            if score.models:
                task.put(key, _Part(offset, score))
            if task.standing.configuration is None and len(task.parts) > MOST_PARTS:
                task.drop_oldest()
        self._note_closed(task, offset, score)
        yield from self.whole()

    def whole(self) -> Iterator[RoutingRule]:
        """The rules of windows that are whole; after a control: of those that waited for it."""
        for waiting in self._tasks.values():
            if waiting.parts and waiting.standing.configuration is not None:
                yield from self._fold_whole(waiting, waiting.standing.configuration)

    def _note_closed(self, task: _TaskFold, offset: int, score: WindowScore) -> None:
        self._partitions = max(self._partitions, score.partitions)
        end_at, partition = score.window_end_at, score.partition
        task.closed[partition] = max(task.closed.get(partition, (0, 0)), (end_at, offset))
        self._closed_at[partition] = max(self._closed_at.get(partition, 0), end_at)

    def _whole_until(self, task: _TaskFold) -> int:
        """The end of the newest window that every partition has closed for the task."""
        return min(self._closed_until(task, number) for number in range(self._partitions))

    def _closed_until(self, task: _TaskFold, partition: int) -> int:
        """The end of the newest window that a partition has closed for the task."""
        told, _ = task.closed.get(partition, (0, 0))
        return max(told, self._closed_at.get(partition, 0) - 1)

    def _is_whole(self, task: _TaskFold, end_at: int) -> bool:
        """Whether every partition has closed a window for the task.

        The search goes on at the partition that was behind, so that a window's parts take it
        round once; else each part would cost a look at all (512 partitions, 3 tasks: 408 ms for a
        window's parts instead of 29).
        """
        for _ in range(self._partitions):
            if self._closed_until(task, task.behind) < end_at:
                return False
            task.behind = (task.behind + 1) % self._partitions
        return True

    def _fold_whole(
        self, task: _TaskFold, configuration: RoutingConfiguration
    ) -> Iterator[RoutingRule]:
        while task.oldest is not None and self._is_whole(task, task.oldest[0]):
            parts = task.take(task.oldest)
            scores = 1 + max(part.offset for part in parts)
            window = merged([part.score for part in parts])
            yield self._follow(task, configuration, window, scores)

    def _follow(
        self,
        task: _TaskFold,
        configuration: RoutingConfiguration,
        window: Window | None,
        scores: int,
    ) -> RoutingRule:
        inputs = Inputs(scores=scores, controls=self._next_control)
        task.rule = next_rule(configuration, task.standing.orders, task.rule, window, inputs)
        return task.rule

    def oldest_open(self) -> int | None:
        """The offset of the oldest part that others must join; None when there is none.

        Those are the parts with data in windows not yet whole, and the newest of each partition
        that is ahead of others: what it says is needed again after a restart.
        """
        return min(
            (offset for task in self._tasks.values() for offset in self._needed(task)),
            default=None,
        )

    def _needed(self, task: _TaskFold) -> Iterator[int]:
        yield from (part.offset for part in task.parts.values())
        whole_until = self._whole_until(task)
        yield from (offset for end_at, offset in task.closed.values() if end_at > whole_until)


def merged(parts: Sequence[WindowScore]) -> Window:
    """One window of one task, from the parts that have data; in whatever order."""
    names = sorted({name for part in parts for name in part.models})
    return Window(
        start_at=parts[0].window_start_at,
        end_at=parts[0].window_end_at,
        models={
            name: merge(part.models[name] for part in parts if name in part.models)
            for name in names
        },
    )
