"""``model-status``: whether a model can be given work."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.wire import EpochMs, Event, Name, PositiveInt

Capability = Literal["chat", "embedding"]


class ModelInfo(Event, frozen=True, kw_only=True):
    """What a model's server says that it is; missing is what it doesn't say."""

    model_id: str | None = None
    version: str | None = None
    max_input_tokens: PositiveInt | None = None
    dimension: PositiveInt | None = None


class ModelStatus(Event, frozen=True, kw_only=True):
    """A model's health as one of its workers sees it, at each change and at intervals.

    ``open`` gets no traffic, ``probing`` a little. ``worker`` tells the workers of a model apart.
    ``mismatch``: what of ``info`` isn't as the settings have it.
    """

    model: Name
    worker: str = ""
    state: Literal["healthy", "probing", "open"]
    reason: str
    serves: list[Capability] = msgspec.field(default_factory=list)
    info: ModelInfo | None = None
    mismatch: str | None = None
    last_seen_at: EpochMs
