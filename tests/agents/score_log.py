"""``scores`` and ``controls`` for tests of the tuner's fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agents.merging import RuleFold
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from schemas.window_score import ModelSummary, WindowScore
from tests.agents.rule_parts import configuration

PARTITIONS = 3
TASKS = ("code", "reasoning")


def part(
    partition: int,
    number: int,
    models: dict[str, ModelSummary] | None = None,
    *,
    task: str = "code",
    partitions: int = PARTITIONS,
) -> WindowScore:
    """A partition's part of the ``number``-th minute; empty without models."""
    return WindowScore(
        task=task,
        partition=partition,
        partitions=partitions,
        window_start_at=number * 60_000,
        window_end_at=(number + 1) * 60_000,
        models=models or {},
    )


def configure(task: str = "code", **changes: Any) -> Control:
    """The configuration of a task."""
    return Control(
        task=task,
        action="configure",
        configuration=configuration(task=task, **changes),
        issued_at=0,
    )


def order(action: str, model: str | None = None, task: str = "code") -> Control:
    """What a person says."""
    return Control(task=task, action=action, model=model, issued_at=0)  # type: ignore[arg-type]


def started(*tasks: str, rules: Iterable[RoutingRule] = ()) -> RuleFold:
    """A fold that has read the configurations."""
    fold = RuleFold(rules)
    for offset, task in enumerate(tasks or ("code",)):
        fold.control(offset, configure(task))
    return fold


def fed(fold: RuleFold, parts: Sequence[WindowScore], start: int = 0) -> list[RoutingRule]:
    """The rules that follow from parts at offsets from ``start``."""
    return [
        rule for offset, one in enumerate(parts[start:], start) for rule in fold.score(offset, one)
    ]
