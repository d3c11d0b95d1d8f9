"""``controls``: what people tell the router, and the routing configuration in force."""

from __future__ import annotations

from typing import Literal

from schemas.wire import (
    EpochMs,
    Event,
    Fraction,
    Name,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PositiveSeconds,
    written,
)


class RoutingConfiguration(Event, frozen=True, kw_only=True):
    """All that the tuner reads besides scores, for one task; its digest is in every rule.

    ``feedback_per_window`` is what one pool of feedback weighs at most in a window, in grades.
    """

    task: Name
    candidates: list[str]
    prior: dict[str, Fraction]
    policy: Name
    objective: Name
    prior_mass: NonNegativeFloat
    exploration: Fraction
    largest_step: Fraction
    min_samples: NonNegativeInt
    dwell_windows: NonNegativeInt
    margin: Fraction
    discount: Fraction
    sharpness: NonNegativeFloat
    seed_threshold: NonNegativeFloat
    epoch_windows: PositiveInt
    panes: PositiveInt = 1
    detection: bool = False
    probe: Fraction = written(0.0)
    epsilon: Fraction = written(0.1)
    largest_share: Fraction = written(1.0)
    cold_share: Fraction = written(1.0)
    quality_weight: PositiveFloat = written(1.0)
    latency_weight: NonNegativeFloat = written(0.0)
    price_weight: NonNegativeFloat = written(0.0)
    latency_target_s: PositiveSeconds = written(10.0)
    service_discount: Fraction = written(1.0)
    feedback_per_window: NonNegativeInt = 12


class Control(Event, frozen=True, kw_only=True):
    """One change of what may be chosen for a task.

    ``configure`` carries the effective routing configuration; ``pin`` sends all of the task to
    ``model``; ``freeze`` keeps the rule in force; ``exclude`` takes ``model`` out; each has its
    opposite. With ``repeats`` it only says again what stood when its sender had read the topic
    up to that offset, so that it outlives retention.
    """

    task: Name
    action: Literal["configure", "pin", "unpin", "freeze", "unfreeze", "exclude", "include"]
    model: Name | None = None
    configuration: RoutingConfiguration | None = None
    source: str = ""
    reason: str = ""
    repeats: NonNegativeInt | None = None
    issued_at: EpochMs

    def __post_init__(self) -> None:
        if self.action in ("pin", "exclude", "include") and self.model is None:
            raise ValueError(f"{self.action} needs model")
        if self.action == "configure" and self.configuration is None:
            raise ValueError("configure needs configuration")
