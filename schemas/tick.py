"""``metrics``: the only way in which wall time enters a window."""

from __future__ import annotations

from schemas.wire import EpochMs, Event


class Tick(Event, frozen=True, kw_only=True, tag_field="type", tag="tick"):
    """The aggregator's clock, written into each partition; it alone closes windows."""

    ticked_at: EpochMs
