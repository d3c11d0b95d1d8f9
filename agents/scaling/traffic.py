"""What travels on each topic, and how much of it is kept. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agents.scaling.assumed import Assumed
from agents.scaling.measured import Measured
from agents.scaling.processes import metrics_per_query
from agents.scaling.sizes import RECORD_BYTES, record_sizes
from streams.topics import FIXED, MODEL_PREFIX

DAY_S = 86_400
STATUS_BYTES = 250.0
"""A worker's report, about."""


class TopicNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """One topic's traffic: bytes of records before replication; ``disk_bytes`` of all copies."""

    records_per_s: float
    in_bytes_per_s: float
    readers: float
    out_bytes_per_s: float
    disk_bytes: float


def traffic(
    measured: Measured,
    assumed: Assumed,
    q: float,
    found: Mapping[str, int | None],
    partitions: int,
) -> dict[str, TopicNeeds]:
    """Each topic's bytes. Besides its groups, the archiver reads everything."""
    sizes = record_sizes(assumed.models, assumed.prompt_bytes, assumed.answer_bytes)
    board, gateway = found["dashboard"] or 0, found["gateway"] or 0
    if assumed.own_answers:  # all of them together read each answer once
        board, gateway = 0, 1
    row = measured.tuner_row(assumed.tasks, assumed.models)
    parts_per_s = partitions * assumed.tasks / assumed.pane_s
    reports_per_s = (found["worker"] or 0) / assumed.report_s
    rates = {
        "queries": (q, sizes["queries"], 2),
        "models.<name>": (q, sizes["models.<name>"], 2),
        "responses": (q, sizes["responses"], 2 + board + gateway),
        "metrics": (q * metrics_per_query(assumed), sizes["metrics"], 2 + board),
        "scores": (parts_per_s, row.part_bytes + RECORD_BYTES, 2 + board),
        "model-status": (reports_per_s, STATUS_BYTES, 1 + board + (found["router"] or 0)),
    }
    return {topic: _topic(assumed, topic, *rate) for topic, rate in rates.items()}


def kept_s(topic: str) -> float:
    """How long a topic keeps a record, in seconds; a compacted one: a segment, ten minutes."""
    if topic.startswith(MODEL_PREFIX):
        return kept_s("queries")
    kept_ms = next(row.retention_ms for row in FIXED if row.name == topic)
    return 600.0 if kept_ms is None else kept_ms / 1000


def _topic(
    assumed: Assumed, topic: str, records_per_s: float, size: float, readers: float
) -> TopicNeeds:
    in_bytes = records_per_s * size / assumed.compression
    return TopicNeeds(
        records_per_s=records_per_s,
        in_bytes_per_s=in_bytes,
        readers=readers,
        out_bytes_per_s=in_bytes * readers,
        disk_bytes=in_bytes * kept_s(topic) * assumed.kept * assumed.replication,
    )
