"""From queries a second to partitions, processes, bytes, brokers and money. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agents.scaling.assumed import GB, Assumed
from agents.scaling.measured import Measured
from agents.scaling.processes import (
    at_least_one,
    metrics_per_query,
    partitions_by_topic,
    processes,
    workers_of,
)
from agents.scaling.readers import board_s, tuner_share
from agents.scaling.traffic import DAY_S, TopicNeeds, traffic
from streams.topics import MODEL_PREFIX

MONTH_S = 365.25 * DAY_S / 12


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What so many queries a second need.

    ``processes``: by role; None where no number is enough. ``used``: by role, the busiest
    process's use of what it has, at most ``Assumed.busy``. ``partitions``: by topic;
    ``replicas``: of all of them with their copies.
    ``brokers_for``: how many each of their limits calls for. Memory is that of our processes.
    """

    queries_per_s: float
    processes: Mapping[str, int | None]
    used: Mapping[str, float]
    partitions: Mapping[str, int]
    replicas: int
    topics: Mapping[str, TopicNeeds]
    brokers_for: Mapping[str, int]
    memory_gb: float
    cores: int
    usd_per_million: float

    @property
    def brokers(self) -> int:
        """The most that any limit calls for, at least one for each copy."""
        return max(self.brokers_for.values())

    @property
    def cluster_partitions(self) -> int:
        """Of all topics."""
        return sum(self.partitions.values())

    @property
    def in_bytes_per_s(self) -> float:
        """From producers, before replication."""
        return sum(topic.in_bytes_per_s for topic in self.topics.values())

    @property
    def out_bytes_per_s(self) -> float:
        """To consumers."""
        return sum(topic.out_bytes_per_s for topic in self.topics.values())

    @property
    def disk_gb(self) -> float:
        """Of all brokers, once what is kept has reached its age."""
        return sum(topic.disk_bytes for topic in self.topics.values()) / GB

    @property
    def router_targets(self) -> int:
        """The partitions that each router writes to: those of all models' topics."""
        rows = self.partitions.items()
        return sum(count for topic, count in rows if topic.startswith(MODEL_PREFIX))

    @property
    def core_hours_per_million(self) -> float:
        """Core-hours for a million queries, brokers included."""
        return self.cores / 3600 / self.queries_per_s * 1e6

    @property
    def gb_months_per_million(self) -> float:
        """GB-months of disk for a million queries."""
        return self.disk_gb / MONTH_S / self.queries_per_s * 1e6


def needs(measured: Measured, assumed: Assumed, queries_per_s: float) -> Needs:
    """All of it, for so many queries a second."""
    found, used = processes(measured, assumed, queries_per_s)
    partitions = partitions_by_topic(assumed, found, workers_of(measured, assumed, queries_per_s))
    tuner = tuner_share(measured, assumed, partitions["metrics"])
    tunes = tuner <= assumed.busy
    board = 0.0 if assumed.own_answers else queries_per_s * board_s(measured, assumed)
    boards = board <= assumed.busy
    found |= {"tuner": 1 if tunes else None, "dashboard": assumed.dashboards if boards else None}
    used |= {"tuner": tuner} if tunes else {}
    used |= {"dashboard": board} if boards else {}
    replicas = sum(partitions.values()) * assumed.replication
    topics = traffic(measured, assumed, queries_per_s, found, partitions["metrics"])
    broker_s = queries_per_s * (measured.broker_cpu_ms or 0.0) / 1000
    brokers_for = _brokers(assumed, topics, replicas, broker_s)
    cores = sum(count or 0 for count in found.values()) + (
        max(brokers_for.values()) * assumed.broker_cores
    )
    bare = Needs(
        queries_per_s=queries_per_s,
        processes=found,
        used=used,
        partitions=partitions,
        replicas=replicas,
        topics=topics,
        brokers_for=brokers_for,
        memory_gb=_memory_gb(measured, assumed, queries_per_s, found),
        cores=cores,
        usd_per_million=0.0,
    )
    usd = bare.core_hours_per_million * assumed.usd_per_core_hour
    usd += bare.gb_months_per_million * assumed.usd_per_gb_month
    return msgspec.structs.replace(bare, usd_per_million=usd)


def _memory_gb(
    measured: Measured, assumed: Assumed, q: float, found: Mapping[str, int | None]
) -> float:
    """Processes at rest, and the identities that the aggregators hold."""
    largest = max(measured.memory_mb.values())
    rest = sum((count or 0) * _rest_mb(measured, role, largest) for role, count in found.items())
    identities = q * metrics_per_query(assumed) * assumed.horizon_s * assumed.identity_bytes
    return rest / 1000 + identities / GB


def _rest_mb(measured: Measured, role: str, largest: float) -> float:
    """A role's memory at rest; a worker's is that of the first one measured."""
    return next(
        (size for name, size in measured.memory_mb.items() if name.startswith(role)), largest
    )


def _brokers(
    assumed: Assumed, topics: Mapping[str, TopicNeeds], replicas: int, broker_s: float
) -> dict[str, int]:
    in_mb = sum(topic.in_bytes_per_s for topic in topics.values()) / 1e6
    out_mb = sum(topic.out_bytes_per_s for topic in topics.values()) / 1e6
    records = sum(topic.records_per_s for topic in topics.values())
    written_mb, copied_mb = in_mb * assumed.replication, in_mb * (assumed.replication - 1)
    disk_gb = sum(topic.disk_bytes for topic in topics.values()) / GB
    loads = {
        "copies": float(assumed.replication),
        # As if a copy cost a broker what the record itself does.
        "processor": broker_s * assumed.replication / (assumed.broker_cores * assumed.busy),
        "partitions": replicas / assumed.broker_replicas,
        "records": records / (assumed.broker_records_per_s * assumed.busy),
        "writing": written_mb / (assumed.broker_write_mb_s * assumed.busy),
        "sending": (out_mb + copied_mb) / (assumed.broker_traffic_mb_s * assumed.busy),
        "disk": disk_gb / (assumed.broker_disk_gb * assumed.busy),
    }
    return {why: at_least_one(load) for why, load in loads.items()}
