"""How many processes of each role, and partitions of each topic. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from agents.benchmarks.worlds import names
from agents.scaling.assumed import GB, Assumed
from agents.scaling.measured import Measured
from streams.topics import model_topic, topic_table


def metrics_per_query(assumed: Assumed) -> float:
    """An outcome of each answer, and a grade of those that are graded."""
    return 1 + assumed.graded


def worker_capacity(measured: Measured, assumed: Assumed) -> float:
    """Answers a second of one worker at its limit: of its core, or of its calls."""
    return min(measured.worker_per_s, assumed.calls / assumed.answer_s)


def workers_of(measured: Measured, assumed: Assumed, queries_per_s: float) -> list[int]:
    """Workers of each model, the busiest first."""
    each = worker_capacity(measured, assumed) * assumed.busy
    others = assumed.models - 1
    busiest = assumed.busiest if others else 1.0
    shares = [busiest, *([(1 - busiest) / others] * others if others else [])]
    return [at_least_one(queries_per_s * share / each) for share in shares]


def at_least_one(amount: float) -> int:
    """Whole processes."""
    return max(1, ceil(amount - 1e-9))


def gateways(measured: Measured, assumed: Assumed, queries_per_s: float) -> int | None:
    """How many gateways, each of which reads every answer; None: reading them takes a core.

    Its own answer's reading is in the time that was measured of a request, the others' is not.
    """
    own = queries_per_s * assumed.gateway_share
    read_s = 0.0 if assumed.own_answers else measured.read_s
    left = assumed.busy - queries_per_s * read_s
    if left <= 0:
        return None
    for_core = own * max(0.0, measured.gateway_cpu_ms / 1000 - read_s) / left
    for_waiting = own * assumed.answer_s / (assumed.gateway_waiting * assumed.busy)
    return at_least_one(max(for_core, for_waiting))


def processes(
    measured: Measured, assumed: Assumed, queries_per_s: float
) -> tuple[dict[str, int | None], dict[str, float]]:
    """How many of each role, and how busy each of them is (shares of 1)."""
    busy, q = assumed.busy, queries_per_s
    metrics = q * metrics_per_query(assumed)
    held_gb = metrics * assumed.horizon_s * assumed.identity_bytes / GB
    loads = {
        "router": q / measured.router_per_s,
        "grader": q * measured.grader_cpu_ms / 1000,
        # Its memory may be full, its core not.
        "aggregator": max(
            metrics / measured.aggregator_per_s, busy * held_gb / assumed.aggregator_gb
        ),
    }
    found: dict[str, int | None] = {role: at_least_one(load / busy) for role, load in loads.items()}
    used = {role: load / (found[role] or 1) for role, load in loads.items()}
    workers = workers_of(measured, assumed, q)
    found["worker"] = sum(workers)
    share = assumed.busiest if assumed.models > 1 else 1.0
    used["worker"] = q * share / worker_capacity(measured, assumed) / workers[0]
    found["gateway"] = gateways(measured, assumed, q)
    if count := found["gateway"]:
        own = q * assumed.gateway_share / count
        others = 0.0 if assumed.own_answers else q - own
        used["gateway"] = own * measured.gateway_cpu_ms / 1000 + others * measured.read_s
    return found, used


def partitions_by_topic(
    assumed: Assumed, found: Mapping[str, int | None], workers: Sequence[int]
) -> dict[str, int]:
    """How many each topic has: those with a number of their own in the topic table have that."""
    models = names("model", len(workers))
    readers = {
        "queries": found["router"],
        "reroutes": found["router"],
        "responses": found["grader"],
        "feedback": found["grader"],
        "chunks": found["grader"],
        "metrics": found["aggregator"],
        **{model_topic(name): count for name, count in zip(models, workers, strict=True)},
    }
    most = max(count or 1 for count in readers.values())
    if not assumed.own_partitions:
        readers = {}
    wanted = {topic: count or 1 for topic, count in readers.items()}
    other = 1 if assumed.own_partitions else most
    return {
        row.name: row.partitions
        or max(
            assumed.least_partitions, assumed.partitions_per_process * wanted.get(row.name, other)
        )
        for row in topic_table(models)
    }
