"""``rules`` and ``rules-log``: how a task's traffic is shared among models, and why."""

from __future__ import annotations

import msgspec

from schemas.wire import (
    MILLION,
    EpochMs,
    Event,
    Micro,
    Name,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    written,
)


class ModelScore(Event, frozen=True, kw_only=True):
    """What stood behind a model's weight when the rule was made.

    ``score_micro`` is the objective's value in millionths (it may exceed a million under
    ``inverse-latency``, which has the unit 1/s); ``samples`` the discounted number of grades
    behind it; ``accuracy_micro`` and ``response_time_us`` the means over the same samples,
    missing where there are none.
    """

    score_micro: NonNegativeInt | None = None
    samples: NonNegativeFloat = written(0.0)
    outcomes: NonNegativeFloat = written(0.0)
    accuracy_micro: Micro | None = None
    response_time_us: NonNegativeInt | None = None
    error_micro: Micro | None = None


class Inputs(Event, frozen=True, kw_only=True):
    """The next offset to read in each of the tuner's topics when the rule was made."""

    scores: NonNegativeInt = 0
    controls: NonNegativeInt = 0


class ModelState(Event, frozen=True, kw_only=True):
    """What a policy remembers of a model: discounted integer sums, in millionths or microseconds.

    ``trials_micro`` is the weight of grades, ``reward_micro`` weight times reward;
    ``service_micro`` good service over outcomes of ``service_weight_micro``. The rest is change
    detection's (``agents.detection``): the sum of evidence that the model has fallen, its
    outcomes ``since`` that sum was 0, and after a fall the ``reference`` of before, with the
    evidence for a return; and the count of windows when it was last found to have become slow.
    """

    trials_micro: NonNegativeInt = 0
    reward_micro: NonNegativeInt = 0
    outcomes_micro: NonNegativeInt = 0
    errors_micro: NonNegativeInt = 0
    response_time_us_micro: NonNegativeInt = 0
    service_weight_micro: NonNegativeInt = 0
    service_micro: NonNegativeInt = 0
    cost_nano: NonNegativeInt = 0
    fall_micro: NonNegativeInt = 0
    since_trials_micro: NonNegativeInt = 0
    since_reward_micro: NonNegativeInt = 0
    reference_trials_micro: NonNegativeInt = 0
    reference_reward_micro: NonNegativeInt = 0
    return_micro: NonNegativeInt = 0
    slowed_window: NonNegativeInt = 0


class PolicyState(Event, frozen=True, kw_only=True):
    """A policy's whole memory: with the next window it determines the next rule."""

    models: dict[str, ModelState] = msgspec.field(default_factory=dict)
    assigned: str | None = None
    windows: NonNegativeInt = 0
    changed_window: NonNegativeInt = 0
    alarm_window: NonNegativeInt = 0


class RoutingRule(Event, frozen=True, kw_only=True):
    """A task's weights in millionths, which sum to a million, and all that led to them.

    ``epoch`` salts the hash that spreads sessions over models; the window is the newest folded
    ([0, 0) for a rule made from the prior alone). No wall clock enters a rule.
    """

    task: Name
    version: PositiveInt
    weights: dict[str, Micro]
    epoch: NonNegativeInt = 0
    scores: dict[str, ModelScore] = msgspec.field(default_factory=dict)
    window_start_at: EpochMs = 0
    window_end_at: EpochMs = 0
    policy: Name
    state: PolicyState = msgspec.field(default_factory=PolicyState)
    inputs: Inputs = msgspec.field(default_factory=Inputs)
    configuration_digest: str
    pinned: str | None = None
    frozen: bool = False
    excluded: list[str] = msgspec.field(default_factory=list)
    reason: str

    def __post_init__(self) -> None:
        total = sum(self.weights.values())
        if total != MILLION:
            raise ValueError(f"weights sum to {total}, not {MILLION}")
