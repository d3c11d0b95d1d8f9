"""One task's way through ``rules-log``: the rule that follows from the one before it.

It follows by the very functions that the tuner calls: from the next control that changes
something, or else from the next window that ``metrics`` have data for. How controls and windows
were interleaved is not determined by them; it is read from the rule (``inputs.controls``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from agents.differing import Difference, DiffersError, field_differences
from agents.merging import merged
from agents.rejoining import Rejoining
from agents.standing import Standing, obey, standing_of
from agents.tuning import digest, next_rule
from schemas.control import Control
from schemas.routing_rule import Inputs, RoutingRule
from schemas.wire import decode, encode

REMEMBERED = 1000
"""So many versions per task are remembered, to know a second copy by."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where one task's rebuild starts: from nothing, or from a rule on ``rules-log``."""

    task: str
    kind: Literal["beginning", "checkpoint"] = "beginning"
    version: int = 0
    offset: int | None = None
    reason: str = ""


@dataclass
class Controls:
    """All of ``controls``, by task; ``positions``: what ``inputs.controls`` can be, ascending."""

    by_task: dict[str, list[tuple[int, Control]]] = field(default_factory=dict)
    positions: list[int] = field(default_factory=lambda: [0])

    def add(self, offset: int, control: Control) -> None:
        """Takes the next one."""
        self.by_task.setdefault(control.task, []).append((offset, control))
        self.positions.append(offset + 1)

    def position(self, claimed: int) -> int:
        """The newest position up to the one claimed."""
        return self.positions[bisect_right(self.positions, claimed) - 1]


class Retrace:
    """One task's newest rule, and what stood when it was made."""

    def __init__(self, task: str, controls: Controls, parts: Rejoining) -> None:
        self.start = Start(task=task)
        self.rule: RoutingRule | None = None
        self.standing = Standing()
        self.rules = 0
        self._task = task
        self._parts = parts
        self._controls = controls
        self._taken = 0
        self._recent: OrderedDict[int, bytes] = OrderedDict()

    @property
    def inputs(self) -> Inputs:
        """Those of the newest rule."""
        return self.rule.inputs if self.rule is not None else Inputs()

    @property
    def window_end_at(self) -> int:
        """That of the newest rule."""
        return self.rule.window_end_at if self.rule is not None else 0

    def start_at(self, offset: int, logged: RoutingRule, value: bytes, reason: str) -> None:
        """Goes on from the logged rule, whatever led to it."""
        self.start = Start(
            task=self._task,
            kind="checkpoint",
            version=logged.version,
            offset=offset,
            reason=reason,
        )
        self.rules = 0
        self._go_on(logged, value)
        own = self._own_controls()
        self.standing = _stood(logged, own)
        self._taken = sum(position < logged.inputs.controls for position, _ in own)

    async def follow(self, offset: int, logged: RoutingRule, value: bytes) -> None:
        """Makes the next rule.

        Raises:
            DiffersError: it isn't the logged one.
        """
        rebuilt = await self._expected(logged)
        if rebuilt is None:
            raise differs(offset, logged, "no control and no window of metrics leads to it")
        _compare(offset, logged, value, rebuilt)
        self._go_on(rebuilt, value)
        self.rules += 1

    def repeat(self, offset: int, logged: RoutingRule, value: bytes) -> None:
        """Compares a record with the earlier one of its version.

        Raises:
            DiffersError: it isn't the same.
        """
        first = self._recent.get(logged.version)
        if first is None:
            raise differs(offset, logged, "is too old a version to come here")
        if first != value:
            _compare(offset, logged, value, decode(RoutingRule, first))

    def _go_on(self, rule: RoutingRule, value: bytes) -> None:
        self.rule = rule
        self._recent[rule.version] = value
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)

    def _own_controls(self) -> list[tuple[int, Control]]:
        return self._controls.by_task.get(self._task, [])

    async def _expected(self, logged: RoutingRule) -> RoutingRule | None:
        """The rule that follows by the time of the logged one; None: none does."""
        own = self._own_controls()
        while self._taken < len(own) and own[self._taken][0] < logged.inputs.controls:
            offset, control = own[self._taken]
            self._taken += 1
            before, self.standing = self.standing, obey(self.standing, offset, control)
            if before.effect != self.standing.effect and self.standing.configuration is not None:
                inputs = Inputs(scores=self.inputs.scores, controls=offset + 1)
                orders = self.standing.orders
                return next_rule(self.standing.configuration, orders, self.rule, None, inputs)
        return await self._by_window(logged)

    async def _by_window(self, logged: RoutingRule) -> RoutingRule | None:
        configuration = self.standing.configuration
        windows = self._parts.windows.get(self._task, {})
        span = min((span for span in windows if span[0] > self.window_end_at), default=None)
        if configuration is None or span is None or span[0] > logged.window_end_at:
            return None
        while any(part.offset is None for part in windows[span].values()):
            if not await self._parts.read_scores():
                raise differs(None, logged, "scores lacks parts of a window before it")
        parts = [windows[span][number] for number in sorted(windows[span])]
        inputs = Inputs(
            scores=1 + max(part.offset or 0 for part in parts),
            controls=max(self.inputs.controls, self._controls.position(logged.inputs.controls)),
        )
        window = merged([part.score for part in parts])
        return next_rule(configuration, self.standing.orders, self.rule, window, inputs)


def _stood(rule: RoutingRule, controls: list[tuple[int, Control]]) -> Standing:
    """What stood when a rule was made, from the rule and the task's controls that survive."""
    standing, configuration = standing_of(rule), None
    for offset, control in controls:
        if offset < rule.inputs.controls:
            standing = obey(standing, offset, control, seen=True)
        # A later repetition may be all that is left of the configuration in force.
        known = control.configuration
        if known is not None and digest(known) == rule.configuration_digest:
            configuration = known
    return replace(standing, configuration=configuration, digest=rule.configuration_digest)


def _compare(offset: int, logged: RoutingRule, value: bytes, rebuilt: RoutingRule) -> None:
    if encode(rebuilt) == value:
        return
    if fields := field_differences(logged, rebuilt):
        error = differs(offset, logged, "differs from the rule that its inputs lead to")
        raise DiffersError(msgspec.structs.replace(error.difference, fields=fields))
    raise differs(offset, logged, "is the rule that its inputs lead to, but in other bytes")


def differs(offset: int | None, rule: RoutingRule, problem: str) -> DiffersError:
    """An error that names a rule."""
    return DiffersError(
        Difference(
            topic="rules-log",
            offset=offset,
            task=rule.task,
            version=rule.version,
            window_start_at=rule.window_start_at,
            window_end_at=rule.window_end_at,
            problem=problem,
        )
    )
