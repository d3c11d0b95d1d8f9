"""``cancellations``: the client has left."""

from __future__ import annotations

from schemas.wire import EpochMs, Event, Name


class Cancellation(Event, frozen=True, kw_only=True):
    """Nobody waits for this query any more; its worker may drop it."""

    query_id: Name
    cancelled_at: EpochMs
    reason: str = ""
