"""Orders of people about routing: checked, and told from the rules that they lead to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.tuning import Orders
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from streams.settings import Settings


class OrderError(ValueError):
    """An order that can't be; the message says what can."""


def check(settings: Settings, control: Control, rule: RoutingRule | None) -> None:
    """Refuses what has no sense.

    Args:
        settings: tasks, and the models that may serve them.
        control: the order.
        rule: the task's rule in force.

    Raises:
        OrderError: an unknown task or model, the last candidate's exclusion, or a pin to an
            excluded model.
    """
    if control.task not in settings.tasks:
        raise OrderError(f"no task is named {control.task!r}; tasks are {_list(settings.tasks)}")
    candidates = settings.candidates(control.task)
    excluded = set(rule.excluded) if rule is not None else set()
    # What is excluded can be taken back, also when the settings no longer have it.
    known = {*candidates, *(excluded if control.action == "include" else ())}
    if control.model is not None and control.model not in known:
        raise OrderError(
            f"{control.model!r} is no candidate for {control.task}; "
            f"candidates are {_list(candidates)}"
        )
    if control.action == "pin" and control.model in excluded:
        raise OrderError(f"{control.model} is excluded from {control.task}; include it first")
    if control.action == "exclude":
        _check_exclusion(control, candidates, excluded, rule)


def _check_exclusion(
    control: Control, candidates: Sequence[str], excluded: set[str], rule: RoutingRule | None
) -> None:
    if rule is not None and rule.pinned == control.model:
        raise OrderError(f"{control.task} is pinned to {control.model}; unpin it first")
    if not set(candidates) - excluded - {control.model or ""}:
        raise OrderError(
            f"{control.model} is the last candidate for {control.task}; one must be left"
        )


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def holds(control: Control, rule: RoutingRule | None) -> bool:
    """Whether the rule has the order's effect."""
    if rule is None or rule.task != control.task:
        return False
    orders = Orders(rule.pinned, rule.frozen, frozenset(rule.excluded))
    effects = {
        "pin": orders.pinned == control.model,
        "unpin": orders.pinned is None,
        "freeze": orders.frozen,
        "unfreeze": not orders.frozen,
        "exclude": control.model in orders.excluded,
        "include": control.model not in orders.excluded,
    }
    return effects[control.action]
