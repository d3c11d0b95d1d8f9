"""What isn't measured: the traffic, the machines, their prices. Change any and compute again."""

from __future__ import annotations

import msgspec

from streams.settings import Settings

GIB = 2**30
GB = 1e9
SHIPPED = Settings()


class Assumed(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic first, then the system's own settings (defaults), brokers, prices.

    ``busy``: the share of a core, of a worker's calls and of a broker's throughput that is used.
    ``answer_s``: how long a model takes. ``calls``: a worker's ``concurrency``. ``busiest``: the
    share of the traffic that one model gets. ``graded``: the share of answers with a reference.
    ``compression``: bytes of records before, over after; 1 as the producers send now.
    ``partitions_per_process``: of the role that has the most processes.
    ``aggregator_gb``: memory that an aggregator may fill. Broker limits are documented ones, as
    docs/scaling.md cites.

    ``kept``: the share of the topic table's retentions. Two are changes that aren't made: with
    ``own_partitions`` each topic has partitions for its own readers alone instead of
    ``kafka.partitions``; with ``own_answers`` each gateway reads the answers that are its own, and
    no dashboard reads an answer or a metric.
    """

    prompt_bytes: int = 1000
    answer_bytes: int = 400
    models: int = 3
    tasks: int = 3
    busiest: float = 0.5
    answer_s: float = 2.0
    calls: int = 256
    graded: float = 1.0
    gateway_share: float = 1.0
    leaving: float = 0.01
    dashboards: int = 1
    busy: float = 0.6
    compression: float = 1.0

    kept: float = 1.0
    own_partitions: bool = False
    own_answers: bool = False

    partitions_per_process: int = 2
    least_partitions: int = SHIPPED.kafka.partitions
    replication: int = SHIPPED.kafka.replication
    gateway_waiting: int = SHIPPED.gateway.max_waiting
    pane_s: float = SHIPPED.windows.pane_ms / 1000
    horizon_s: float = SHIPPED.windows.horizon_s
    report_s: float = SHIPPED.breaker.report_s
    identity_bytes: float = 140.0
    aggregator_gb: float = 4.0

    broker_cores: int = 16
    broker_replicas: int = 4000
    broker_write_mb_s: float = 250 * 2**20 / 1e6
    broker_traffic_mb_s: float = 750.0
    broker_records_per_s: float = 250_000.0
    broker_disk_gb: float = 16384 * GIB / GB
    cluster_partitions: int = 200_000
    cluster_brokers: int = 60
    broker_connections: int = 4000

    usd_per_core_hour: float = 0.04
    usd_per_gb_month: float = 0.08


def changed(assumed: Assumed) -> Assumed:
    """What would be changed for more: three things to be built, two to be set."""
    return msgspec.structs.replace(
        assumed, own_partitions=True, own_answers=True, calls=1024, kept=1 / 7
    )


UNITS = {
    "prompt_bytes": "bytes of a prompt",
    "answer_bytes": "bytes of an answer",
    "models": "models, all candidates of every task",
    "tasks": "tasks",
    "busiest": "of the traffic at the model with the most",
    "answer_s": "s that a model takes to answer",
    "calls": "calls at a time of a worker (`concurrency`)",
    "graded": "of the answers are graded",
    "gateway_share": "of the queries come through gateways",
    "leaving": "of the clients leave before their answer",
    "dashboards": "dashboard open",
    "busy": "of each core, call and broker used",
    "compression": "times smaller by compression (1: the producers compress nothing)",
    "partitions_per_process": "partitions for each process of the largest group",
    "identity_bytes": "bytes of memory for a metric's identity ([windows.md](windows.md))",
    "aggregator_gb": "GB of memory that an aggregator may fill",
    "broker_cores": "cores of a broker",
    "broker_replicas": "partition replicas on a broker, at most [1]",
    "broker_write_mb_s": "MB/s written to a broker's disk, at most (250 MiB) [2]",
    "broker_disk_gb": "GB of disk of a broker, at most (16,384 GiB) [3]",
    "broker_traffic_mb_s": "MB/s sent by a broker, at most [4]",
    "broker_records_per_s": "records/s taken by a broker, at most [4]",
    "broker_connections": "connections to a broker, at most [4]",
    "cluster_brokers": "brokers of a cluster, at most [3]",
    "cluster_partitions": "partitions of a cluster, at most [5]",
    "usd_per_core_hour": "USD for a core (and its memory) for an hour",
    "usd_per_gb_month": "USD for a GB of disk for a month",
}
"""What the page tells of the assumptions; the rest are settings at their defaults."""
