"""``metrics``: the clock's ticks, and how its records are read."""

from __future__ import annotations

from collections.abc import Callable

from schemas.metric import Metric
from schemas.wire import EpochMs, Event, decoder


class Tick(Event, frozen=True, kw_only=True, tag_field="type", tag="tick"):
    """The aggregator's clock, written into each partition: closes windows, idle ones too."""

    ticked_at: EpochMs


decode_metrics: Callable[[bytes | None], Metric | Tick] = decoder(Metric | Tick)
"""What a record of ``metrics`` says; raises WireError as ``schemas.wire.decode``."""
