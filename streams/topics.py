"""The topic table: what travels where, keyed how, kept how long, who may create it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.assignment import Assignment
from schemas.cancellation import Cancellation
from schemas.chunk import Chunk
from schemas.control import Control
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.model_status import ModelStatus
from schemas.query import Query
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import Event

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

MODEL_PREFIX = "models."
"""``models.<name>`` is the topic of the queries that wait for one model."""


@dataclass(frozen=True)
class Topic:
    """One row of the table; ``partitions`` None takes ``kafka.partitions``."""

    name: str
    events: tuple[type[Event], ...]
    key: str
    retention_ms: int | None = None
    compacted: bool = False
    partitions: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def configuration(self, *, sandbox: bool = False) -> dict[str, str]:
        """The topic's settings, as Kafka names them.

        In a sandbox replayed records keep their times, and no retention by them; but queries are
        asked anew, so they have the time of now.
        """
        if sandbox and self.name != "queries":
            extra = {name: value for name, value in self.extra.items() if name not in _BROKER_TIME}
        else:
            extra = dict(self.extra)
        if self.compacted:
            return {"cleanup.policy": "compact", **extra}
        kept_ms = -1 if sandbox else self.retention_ms
        return {"cleanup.policy": "delete", "retention.ms": str(kept_ms), **extra}


# An envelope holds the whole record in base64, so it must take more than the record did.
_DEAD_LETTER_BYTES = {"max.message.bytes": str(4 * 1024 * 1024)}

# Time limits and windows go by the broker's clock: nobody else's can be trusted with them.
_BROKER_TIME = {"message.timestamp.type": "LogAppendTime"}

# Workers report all the time, on the broker's clock: compaction must keep up with that.
_STATUS = {**_BROKER_TIME, "segment.ms": str(HOUR_MS // 6), "min.cleanable.dirty.ratio": "0.1"}

FIXED: tuple[Topic, ...] = (
    Topic("queries", (Query,), "session or query id", 7 * DAY_MS, extra=_BROKER_TIME),
    Topic("reroutes", (Assignment,), "query id", 7 * DAY_MS),
    Topic("responses", (Response,), "query id", 7 * DAY_MS),
    Topic("chunks", (Chunk,), "query id", HOUR_MS),
    Topic("cancellations", (Cancellation,), "query id", HOUR_MS),
    Topic("feedback", (Feedback,), "query id", 7 * DAY_MS, extra=_BROKER_TIME),
    Topic("metrics", (Metric, Tick), "query id", 30 * DAY_MS, extra=_BROKER_TIME),
    Topic("scores", (WindowScore,), "task", 30 * DAY_MS, partitions=1),
    Topic("controls", (Control,), "task", 30 * DAY_MS, partitions=1),
    Topic("rules", (RoutingRule,), "task", compacted=True, partitions=1),
    Topic("rules-log", (RoutingRule,), "task", 30 * DAY_MS, partitions=1),
    Topic("model-status", (ModelStatus,), "model", compacted=True, partitions=1, extra=_STATUS),
    Topic("dead-letters", (DeadLetter,), "as it came", 30 * DAY_MS, extra=_DEAD_LETTER_BYTES),
)


def model_topic(model: str) -> str:
    """The name of the topic that the model's workers read."""
    return MODEL_PREFIX + model


def topic_table(models: Iterable[str]) -> tuple[Topic, ...]:
    """Every topic that a system with these models needs."""
    per_model = tuple(
        Topic(model_topic(name), (Assignment,), "query id", 7 * DAY_MS) for name in models
    )
    return FIXED + per_model


def event_types(topic: str) -> tuple[type[Event], ...] | None:
    """The events that a topic (without prefix) carries, or None when it isn't ours."""
    if topic.startswith(MODEL_PREFIX):
        return (Assignment,)
    return next((row.events for row in FIXED if row.name == topic), None)
