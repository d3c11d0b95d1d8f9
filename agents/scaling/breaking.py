"""What ends first: limits that more processes don't lift, and where each is reached. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agents.health import LOOKS, PROBE_S
from agents.scaling.assumed import SHIPPED, Assumed
from agents.scaling.measured import Measured
from agents.scaling.needs import needs
from agents.scaling.processes import worker_capacity, workers_of
from agents.scaling.readers import board_s, report_s, tuner_share
from streams.settings import Model

MOST = 1e10
SIDE_SHARE = 0.1
"""Of a core, what a process may spend on reading what every process of its role reads."""

CONNECTIONS = 2
"""That each process has to every broker, at least: it reads, and it writes."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """Something that ends: ``why`` in words, ``change`` what would lift it.

    ``per_s``: the queries a second that reach it.
    """

    what: str
    why: str
    change: str
    per_s: float


Load = Callable[[float], float]
"""By queries a second: the share of the limit that is used; never falls."""


def reached(load: Load, most: float = MOST) -> float:
    """The queries a second at which the load is 1, within a thousandth; ``most`` where none is."""
    low, high = 0.0, 1.0
    while load(high) < 1:
        low, high = high, 2 * high
        if high > most:
            return most
    while high - low > high / 1000:
        middle = (low + high) / 2
        low, high = (middle, high) if load(middle) < 1 else (low, middle)
    return high


def limits(measured: Measured, assumed: Assumed) -> list[Limit]:
    """All that are known, the first to be reached first.

    The defaults' are left out where what is assumed differs from them anyway.
    """
    rows = [
        *([] if assumed.own_partitions else _shipped(measured, assumed)),
        *_readers(measured, assumed),
        *_everywhere(measured, assumed),
        *_cluster(measured, assumed),
    ]
    return sorted(rows, key=lambda row: row.per_s)


def _shipped(measured: Measured, assumed: Assumed) -> list[Limit]:
    calls = Model(protocol="openai", serves=["chat"]).concurrency
    partitions = SHIPPED.kafka.partitions
    plain = msgspec.structs.replace(assumed, calls=calls)

    def load(these: Assumed) -> Load:
        each = partitions * worker_capacity(measured, these) * assumed.busy
        return lambda q: q * assumed.busiest / each

    return [
        Limit(
            what="the defaults",
            why=f"`concurrency` {calls} for each of at most {partitions} workers of a model "
            "(`kafka.partitions`)",
            change="set both before the first `zeta topics create`",
            per_s=reached(load(plain)),
        ),
        Limit(
            what="`kafka.partitions` as shipped",
            why=f"{partitions} partitions are at most {partitions} workers of the busiest model",
            change="set it then, to twice the workers that will be needed",
            per_s=reached(load(assumed)),
        ),
    ]


def _readers(measured: Measured, assumed: Assumed) -> list[Limit]:
    def tunes(q: float) -> float:
        partitions = needs(measured, assumed, q).partitions["metrics"]
        return tuner_share(measured, assumed, partitions) / assumed.busy

    tuner = Limit(
        what="the tuner",
        why="one process reads and folds a part of each task from each `metrics` partition, "
        "each pane",
        change="partitions of `metrics` by its own readers; then parts merged on their way",
        per_s=reached(tunes),
    )
    if assumed.own_answers:
        return [tuner]
    return [
        tuner,
        Limit(
            what="gateways",
            why="each reads every answer on `responses`, to pass over others'",
            change="answers of a gateway on partitions, or a topic, that it alone reads",
            per_s=reached(lambda q: q * measured.read_s / assumed.busy),
        ),
        Limit(
            what="the dashboard",
            why="one process reads and shows every answer and every metric",
            change="read `scores` and `rules-log` alone, and a sample of the rest",
            per_s=reached(lambda q: q * board_s(measured, assumed) / assumed.busy),
        ),
    ]


def _everywhere(measured: Measured, assumed: Assumed) -> list[Limit]:
    def reports(q: float) -> float:
        workers = sum(workers_of(measured, assumed, q))
        looks_s = LOOKS / PROBE_S * measured.look_us(workers) / 1e6
        return (workers / assumed.report_s * report_s(measured) + looks_s) / SIDE_SHARE

    return [
        Limit(
            what="`model-status`",
            why=f"each router reads every worker's report, and looks at all of them {LOOKS} times "
            f"a second: {SIDE_SHARE:.0%} of its core",
            change="one report of a model, not of a worker",
            per_s=reached(reports),
        ),
        Limit(
            what="`cancellations`",
            why=f"each worker reads all of them ({assumed.leaving:.0%} of the queries): "
            f"{SIDE_SHARE:.0%} of its core",
            change="each model's on a topic of its own",
            per_s=reached(lambda q: q * assumed.leaving * measured.read_s / SIDE_SHARE),
        ),
    ]


def _cluster(measured: Measured, assumed: Assumed) -> list[Limit]:
    def of(value: Callable[[float], float], most: float) -> float:
        return reached(lambda q: value(q) / most)

    def count(q: float) -> float:
        found = dict(needs(measured, assumed, q).processes)
        if not assumed.own_answers:  # those that read all have a limit of their own
            del found["gateway"]
        return sum(each or 0 for each in found.values())

    return [
        Limit(
            what="a cluster's partitions",
            why=f"{assumed.cluster_partitions:,} of all topics [5]",
            change="cells",
            per_s=of(
                lambda q: needs(measured, assumed, q).cluster_partitions,
                assumed.cluster_partitions,
            ),
        ),
        Limit(
            what="a cluster's brokers",
            why=f"{assumed.cluster_brokers} [3]",
            change="keep less on the brokers: the archive has it all; then cells",
            per_s=of(lambda q: needs(measured, assumed, q).brokers, assumed.cluster_brokers + 1),
        ),
        Limit(
            what="a broker's connections",
            why=f"{CONNECTIONS} of each process to each broker; {assumed.broker_connections:,} [4]",
            change="more calls for each worker, so fewer workers; then cells",
            per_s=of(
                lambda q: CONNECTIONS * count(q),
                assumed.broker_connections,
            ),
        ),
    ]
