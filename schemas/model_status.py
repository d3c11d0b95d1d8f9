"""``model-status``: whether a model can be given work."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.wire import EpochMs, Event, Name

Capability = Literal["chat", "embedding"]


class ModelStatus(Event, frozen=True, kw_only=True):
    """A model's health as one of its workers sees it, at each change and at intervals.

    ``open`` gets no traffic, ``probing`` a little. ``worker`` tells the workers of a model apart.
    """

    model: Name
    worker: str = ""
    state: Literal["healthy", "probing", "open"]
    reason: str
    serves: list[Capability] = msgspec.field(default_factory=list)
    last_seen_at: EpochMs
