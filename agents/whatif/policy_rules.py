"""A target that learns: the rules that a policy would have published from the very same log.

The logged windows (``scores``) and ``controls`` are folded by the tuner's own code, with the
policy put into each configuration. A logged decision meets the policy's rule made of the inputs
that the rule in force had (``inputs`` on ``rules-log``), so of nothing later than the decision.
The policy does not get the data that its own choices would have brought in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from agents.merging import RuleFold
from agents.whatif.choices import Choice
from agents.whatif.eligibility import Eligibility
from agents.whatif.rules_file import Weights
from schemas.control import Control
from schemas.routing_rule import Inputs, RoutingRule
from schemas.window_score import WindowScore
from schemas.wire import WireError, decode
from streams.history import Log


@dataclass
class _Course:
    """One task's rules in order: what each rests on, its time (Unix ms), its weights."""

    scores: list[int] = field(default_factory=list)
    controls: list[int] = field(default_factory=list)
    made_at: list[int] = field(default_factory=list)
    weights: list[Mapping[str, int]] = field(default_factory=list)

    def add(self, rule: RoutingRule, made_at: int) -> None:
        self.scores.append(rule.inputs.scores)
        self.controls.append(rule.inputs.controls)
        self.made_at.append(max(made_at, self.made_at[-1] if self.made_at else 0))
        self.weights.append(rule.weights)

    def by_inputs(self, inputs: Inputs) -> Weights | None:
        count = min(
            bisect_right(self.scores, inputs.scores), bisect_right(self.controls, inputs.controls)
        )
        return self.weights[count - 1] if count else None

    def by_time(self, at: int) -> Weights | None:
        count = bisect_right(self.made_at, at)
        return self.weights[count - 1] if count else None


class PolicyRules:
    """A policy's rules over time.

    Args:
        name: the policy's.
        starts: where retention has taken inputs, the logged rules to go on from.
        eligibility: knows the inputs of logged rules.
    """

    def __init__(self, name: str, starts: Iterable[RoutingRule], eligibility: Eligibility) -> None:
        self.name = name
        self._fold = RuleFold(starts)
        self._courses: dict[str, _Course] = {}
        self._eligibility = eligibility

    @property
    def tasks(self) -> list[str]:
        """Sorted; those that it has any rule for."""
        return sorted(self._courses)

    def weights(self, choice: Choice) -> Weights | None:
        """See ``agents.whatif.tables.Target``.

        A decision that was taken before there was any rule would have been the same.
        """
        if choice.rule_version == 0:
            return self._eligibility.decisions.get(
                (choice.query_id, choice.model, choice.decided_at)
            )
        course = self._courses.get(choice.task, _Course())
        logged = self._eligibility.rules.get((choice.task, choice.rule_version))
        if logged is None:
            return course.by_time(choice.decided_at)
        return course.by_inputs(logged.inputs)

    def control(self, offset: int, made_at: int, control: Control) -> None:
        """Takes the next control."""
        if control.configuration is not None:
            own = msgspec.structs.replace(control.configuration, policy=self.name)
            control = msgspec.structs.replace(control, configuration=own)
        rule = self._fold.control(offset, control)
        self._note([rule] if rule is not None else [], made_at)
        self._note(self._fold.whole(), made_at)

    def score(self, offset: int, made_at: int, score: WindowScore) -> None:
        """Takes the next part of a window."""
        self._note(self._fold.score(offset, score), made_at)

    def _note(self, rules: Iterable[RoutingRule], made_at: int) -> None:
        for rule in rules:
            self._courses.setdefault(rule.task, _Course()).add(rule, made_at)


@dataclass(frozen=True)
class _Timed:
    offset: int
    timestamp: int
    control: Control


async def fold_policies(
    log: Log, names: Sequence[str], eligibility: Eligibility
) -> list[PolicyRules]:
    """Folds ``controls`` and ``scores`` once, for all of the policies, in the order of their times.

    Args:
        log: where to read.
        names: the policies.
        eligibility: of the same log, all of ``rules-log`` in it.
    """
    starts = list(eligibility.starts.values())
    found = [PolicyRules(name, starts, eligibility) for name in names]
    controls = [one async for one in _controls(log)]
    taken = 0

    def take_controls(until: float) -> None:
        nonlocal taken
        while taken < len(controls) and controls[taken].timestamp <= until:
            one = controls[taken]
            taken += 1
            for target in found:
                target.control(one.offset, one.timestamp, one.control)

    async for offset, timestamp, score in _scores(log):
        take_controls(timestamp)
        for target in found:
            target.score(offset, timestamp, score)
    take_controls(float("inf"))
    return found


async def _controls(log: Log) -> AsyncIterator[_Timed]:
    for partition in log.partitions("controls"):
        async for records in log.read("controls", partition):
            for record in records:
                try:
                    control = decode(Control, record.value)
                except WireError:
                    continue  # the tuner has put it on dead-letters
                yield _Timed(record.offset, record.timestamp, control)


async def _scores(log: Log) -> AsyncIterator[tuple[int, int, WindowScore]]:
    for partition in log.partitions("scores"):
        async for records in log.read("scores", partition):
            for record in records:
                try:
                    score = decode(WindowScore, record.value)
                except WireError:
                    continue
                yield record.offset, record.timestamp, score
