"""``dead-letters``: records that no stage could use, whole."""

from __future__ import annotations

import msgspec

from schemas.wire import AnyInt, EpochMs, Event, NonNegativeInt


class Header(Event, frozen=True, kw_only=True):
    """One Kafka header; names may repeat."""

    name: str
    value: bytes | None = None


class DeadLetter(Event, frozen=True, kw_only=True):
    """A record as it came (key, value, headers: base64 in JSON), where from, and what was wrong.

    ``redrives`` counts how often it was sent back. ``cut``: it was too large to be kept, so key,
    value and headers are missing here; they are at its source as long as that keeps them.
    """

    topic: str
    partition: NonNegativeInt
    offset: NonNegativeInt
    timestamp_at: AnyInt
    key: bytes | None = None
    value: bytes | None = None
    headers: list[Header] = msgspec.field(default_factory=list)
    stage: str
    error: str
    failed_at: EpochMs
    redrives: NonNegativeInt = 0
    cut: bool = False
