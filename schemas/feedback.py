"""``feedback``: explicit scores from people or programs."""

from __future__ import annotations

from schemas.wire import EpochMs, Event, Fraction, Name


class Feedback(Event, frozen=True, kw_only=True):
    """How good an answer was, 0 worst to 1 best; one counts per (query, source)."""

    query_id: Name
    score: Fraction
    source: Name
    comment: str | None = None
    given_at: EpochMs | None = None
