"""``scores``: one partition's part of a closed window."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from schemas.wire import AnyInt, EpochMs, Event, Name, NonNegativeInt, PositiveInt


class PoolSummary(Event, frozen=True, kw_only=True):
    """The part of a summary's grades that comes from one pool of feedback (``Metric.pool``)."""

    trust_micro: NonNegativeInt = 0
    accuracy_micro: NonNegativeInt = 0


class ModelSummary(Event, frozen=True, kw_only=True):
    """A mergeable summary of one model in one window: integers only, so that sums are exact.

    ``outcomes`` counts attempts (``errors`` of them failed, ``timeouts`` of those by time);
    ``response_time_us`` their response times, summed, in microseconds; ``latency`` a sketch of
    them (bucket -> count, see ``streams.latency``). ``judgements`` counts grades,
    ``trust_micro`` their weights, ``accuracy_micro`` weight times accuracy, and
    ``accuracy_square_micro`` weight times accuracy squared, in millionths.
    ``cost_nano`` is nano-USD. ``pools`` says how much of ``trust_micro`` and ``accuracy_micro``
    is feedback, and whose: what of it counts is bounded when the rule is made.
    """

    number_keys: ClassVar[bool] = True

    outcomes: NonNegativeInt = 0
    errors: NonNegativeInt = 0
    timeouts: NonNegativeInt = 0
    response_time_us: NonNegativeInt = 0
    latency: dict[AnyInt, NonNegativeInt] = msgspec.field(default_factory=dict)
    judgements: NonNegativeInt = 0
    trust_micro: NonNegativeInt = 0
    accuracy_micro: NonNegativeInt = 0
    accuracy_square_micro: NonNegativeInt = 0
    prompt_tokens: NonNegativeInt = 0
    completion_tokens: NonNegativeInt = 0
    cost_nano: NonNegativeInt = 0
    pools: dict[str, PoolSummary] = msgspec.field(default_factory=dict)


class WindowScore(Event, frozen=True, kw_only=True):
    """One ``metrics`` partition's part of one closed window of one task.

    The window is [``window_start_at``, ``window_end_at``). A part without models says that the
    partition has nothing for the task before ``window_end_at`` that it hasn't published; it may
    span several windows. ``first_offset`` is that of the oldest record folded here and
    ``next_offset`` one past the newest, both 0 for an empty part. ``partitions`` is the count of
    ``metrics`` partitions: a window is whole when each of them has closed it. ``late`` counts
    records that came after their own window had closed, ``duplicates`` those dropped.
    """

    number_keys: ClassVar[bool] = True

    task: Name
    partition: NonNegativeInt
    partitions: PositiveInt
    window_start_at: EpochMs
    window_end_at: EpochMs
    models: dict[str, ModelSummary] = msgspec.field(default_factory=dict)
    first_offset: NonNegativeInt = 0
    next_offset: NonNegativeInt = 0
    late: NonNegativeInt = 0
    duplicates: NonNegativeInt = 0
