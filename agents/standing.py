"""What stands for a task: its configuration and people's orders, folded from ``controls``. Pure.

``controls`` is kept for 30 days, so the tuner repeats daily what stands. A repetition changes
nothing: it names the offset up to which its sender knew the topic, and one that was overtaken by
an order in between counts for nothing, also where that order is read first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from agents.tuning import Orders, digest
from schemas.control import Control, RoutingConfiguration
from schemas.routing_rule import RoutingRule

REPEAT_MS = 24 * 3_600_000
REPEATED = "repeated daily, so that it outlives retention"


@dataclass(frozen=True)
class Standing:
    """What is in force for one task.

    ``digest`` names the configuration, also where only a rule tells of it; ``told`` is one past
    the newest control that repeated nothing; ``told_at`` when the configuration was last sent.
    """

    configuration: RoutingConfiguration | None = None
    digest: str | None = None
    orders: Orders = field(default_factory=Orders)
    told: int = 0
    told_at: int = 0

    @property
    def effect(self) -> tuple[str | None, Orders]:
        """What a rule depends on; a control that leaves it alone makes no rule."""
        return self.digest, self.orders


def standing_of(rule: RoutingRule) -> Standing:
    """What a rule tells of what stood when it was made."""
    orders = Orders(rule.pinned, rule.frozen, frozenset(rule.excluded))
    return Standing(digest=rule.configuration_digest, orders=orders)


def obey(standing: Standing, offset: int, control: Control, *, seen: bool = False) -> Standing:
    """What stands after a control.

    Args:
        standing: what stood before it.
        offset: the control's.
        control: for the same task.
        seen: whether ``standing`` comes from a rule that knew the control; then it is read for
            the configuration alone, since orders before it may have been lost to retention.
    """
    if control.repeats is not None and standing.told > control.repeats:
        return standing
    if control.repeats is None:
        standing = replace(standing, told=offset + 1)
    if control.configuration is not None and control.action == "configure":
        return replace(
            standing,
            configuration=control.configuration,
            digest=digest(control.configuration),
            told_at=control.issued_at,
        )
    return standing if seen else replace(standing, orders=_ordered(standing.orders, control))


def _ordered(orders: Orders, control: Control) -> Orders:
    if control.action in ("pin", "unpin"):
        return replace(orders, pinned=control.model if control.action == "pin" else None)
    if control.action in ("freeze", "unfreeze"):
        return replace(orders, frozen=control.action == "freeze")
    change = frozenset({control.model or ""})
    if control.action == "exclude":
        return replace(orders, excluded=orders.excluded | change)
    return replace(orders, excluded=orders.excluded - change)


def repetitions(
    standings: Mapping[str, Standing], next_control: int, now_at: int
) -> Iterator[Control]:
    """What must be sent again: all that stands for a task, a day after it was last sent.

    Args:
        standings: by task, as of ``next_control``.
        next_control: the next offset of ``controls`` to read.
        now_at: the time.
    """
    for task in sorted(standings):
        standing = standings[task]
        # A told_at far ahead comes from a wrong clock, and must not silence the tuner.
        if standing.configuration is None or abs(now_at - standing.told_at) < REPEAT_MS:
            continue
        for control in _standing_controls(task, standing):
            yield _repetition(control, next_control, now_at)


def _standing_controls(task: str, standing: Standing) -> Iterator[Control]:
    orders = standing.orders
    if orders.pinned is not None:
        yield Control(task=task, action="pin", model=orders.pinned, issued_at=0)
    if orders.frozen:
        yield Control(task=task, action="freeze", issued_at=0)
    for model in sorted(orders.excluded):
        yield Control(task=task, action="exclude", model=model, issued_at=0)
    # Last: it alone says that the set was sent, so a set cut short by a kill is sent again.
    yield Control(task=task, action="configure", configuration=standing.configuration, issued_at=0)


def _repetition(control: Control, next_control: int, now_at: int) -> Control:
    return msgspec.structs.replace(
        control, repeats=next_control, source="tuner", reason=REPEATED, issued_at=now_at
    )
