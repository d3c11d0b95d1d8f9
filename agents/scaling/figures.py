"""The tables' rows: one function for each table of ``docs/scaling.md``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

from agents.benchmarks.page import number, table
from agents.scaling.assumed import SHIPPED, UNITS, Assumed
from agents.scaling.breaking import MOST, limits
from agents.scaling.measured import SIMULATIONS, Measured
from agents.scaling.needs import Needs, needs
from agents.scaling.processes import metrics_per_query, worker_capacity
from agents.scaling.readers import board_s
from agents.scaling.rounding import about
from agents.scaling.sizes import record_sizes
from agents.scaling.source import TAKEN
from agents.scaling.traffic import DAY_S, kept_s

MODELS = (3, 20, 200)


def on(found: Mapping[str, Any]) -> str:
    on = found["machine"]
    size = f"{on['cores']} cores ({on['processor']}), {on['memory_gb']:g} GB"
    note = f" Note: {found['note']}." if "note" in found else ""
    return (
        f"Measured on {found.get('date', 'an unknown day')}: {size}; Python {on['python']}, "
        f"Kafka {on['kafka']}.{note}{_taken(found.get(TAKEN, ()))}"
    )


def _taken(names: Sequence[str]) -> str:
    if not names:
        return ""
    of = ", ".join(
        "the simulations" if name == SIMULATIONS else f"`zeta bench {name}`" for name in names
    )
    return f" Not measured there but bundled with zeta: the figures of {of}."


def rates(known: Measured, _: Assumed) -> str:
    roles = known.memory_mb.values()
    rows = [
        ("router, one process", f"{number(known.router_per_s)} records/s", "`router`, `scale`"),
        ("worker, one process, 64 calls", f"{number(known.worker_per_s)} answers/s", "`worker`"),
        ("aggregator, one process", f"{number(known.aggregator_per_s)} metrics/s", "`aggregator`"),
        ("reading and decoding alone", f"{number(known.reader_per_s)} records/s", "`aggregator`"),
        (
            _loop(known),
            f"{number(known.loop_cpu_ms)} ms of processor for a query",
            "`throughput`",
        ),
        ("of that, the grader", f"{number(known.grader_cpu_ms)} ms", "`throughput`"),
        *_tuner(known),
        ("one broker, without copies", _broker(known), "`throughput`"),
        ("gateway", f"{number(known.gateway_cpu_ms)} ms of processor a request", "`gateway`"),
        ("memory of a role at rest", f"{min(roles):.0f} to {max(roles):.0f} MB", "`start`"),
    ]
    return table(["", "measured", "`zeta bench`"], rows)


def _loop(known: Measured) -> str:
    last = "grader and aggregator" if known.tuner_cpu_ms is None else "grader, aggregator and tuner"
    return f"router, workers, {last}"


def _tuner(known: Measured) -> list[tuple[str, str, str]]:
    took_ms = known.tuner_cpu_ms
    if took_ms is None:
        return []
    return [("of that, the tuner", f"{number(took_ms)} ms", "`throughput`")]


def _broker(known: Measured) -> str:
    took_ms = known.broker_cpu_ms
    return "not measured" if took_ms is None else f"{number(took_ms)} ms of processor for a query"


def assumptions(assumed: Assumed) -> str:
    rows = [(text, _plain(getattr(assumed, name))) for name, text in UNITS.items()]
    return table(["assumed", ""], rows)


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else number(value)


def sizes(assumed: Assumed) -> str:
    sizes = [record_sizes(count, assumed.prompt_bytes, assumed.answer_bytes) for count in MODELS]
    per_query = {"queries": 1.0, "models.<name>": 1.0, "responses": 1.0}
    per_query["metrics"] = metrics_per_query(assumed)
    rows = [
        [f"`{topic}`", f"{count:g}", *(number(size[topic]) for size in sizes), _days(topic)]
        for topic, count in per_query.items()
    ]
    sums = [sum(size[topic] * count for topic, count in per_query.items()) for size in sizes]
    rows.append(["a query, in all", "", *map(number, sums), ""])
    rows.append(["`chunks`, of a stream", "each", *(number(s["chunks"]) for s in sizes), "1 hour"])
    head = ["topic", "records a query", *(f"bytes, {count} models" for count in MODELS), "kept"]
    return table(head, rows)


def _days(topic: str) -> str:
    return f"{kept_s(topic) / DAY_S:g} days"


def alone(known: Measured, assumed: Assumed) -> str:
    busy, each = assumed.busy, metrics_per_query(assumed)
    by_memory = assumed.aggregator_gb * 1e9 / (each * assumed.horizon_s * assumed.identity_bytes)
    grader = 1000 * busy / known.grader_cpu_ms
    week = 7 * DAY_S * grader
    gateway = 1000 * busy / known.gateway_cpu_ms
    rows = [
        ("router", busy * known.router_per_s, "its core"),
        ("worker", busy * worker_capacity(known, assumed), _worker_bound(known, assumed)),
        (
            "grader",
            grader,
            f"its core; then its index of 7 days has {week * known.index_bytes / 1e9:.0f} GB",
        ),
        ("aggregator", by_memory, "its memory: the identities of an hour's metrics"),
        ("aggregator", busy * known.aggregator_per_s / each, "its core"),
        ("gateway", busy * assumed.gateway_waiting / assumed.answer_s, "`gateway.max_waiting`"),
        ("gateway", gateway, "its core, with no other gateway's answers to read"),
        ("dashboard", busy / board_s(known, assumed), "its core"),
    ]
    return table(
        ["one", "queries/s", "bounded by"], [(role, about(q), why) for role, q, why in rows]
    )


def _worker_bound(known: Measured, assumed: Assumed) -> str:
    by_calls = assumed.calls / assumed.answer_s
    return "its calls" if by_calls < known.worker_per_s else "its core"


def needed(known: Measured, assumed: Assumed, sizes: Sequence[float]) -> str:
    found = [needs(known, assumed, q) for q in sizes]
    roles = list(found[0].processes)
    rows = [[role, *(_count(one.processes[role]) for one in found)] for role in roles]
    for name, value in _rows().items():
        rows.append([name, *(value(one) for one in found)])
    return table(["queries/s", *(f"{q:,.0f}" for q in sizes)], rows)


def _rows() -> dict[str, Callable[[Needs], str]]:
    return {
        "memory of all these, GB": lambda n: about(n.memory_gb),
        "partitions of the busiest model's topic": lambda n: about(max(n.partitions.values())),
        "partitions of all topics": lambda n: about(n.cluster_partitions),
        "partitions that each router writes to": lambda n: about(n.router_targets),
        "into the brokers, MB/s (before copies)": lambda n: about(n.in_bytes_per_s / 1e6),
        "out to readers, MB/s": lambda n: about(n.out_bytes_per_s / 1e6),
        "new a day, TB (before copies)": lambda n: about(n.in_bytes_per_s * DAY_S / 1e12),
        "on the brokers' disks, TB": lambda n: about(n.disk_gb / 1000),
        "brokers": lambda n: f"{about(n.brokers)}, for {_most(n.brokers_for)}",
        "cores, brokers' included": lambda n: about(n.cores),
        "core-hours for a million queries": lambda n: about(n.core_hours_per_million),
        "GB-months for a million queries": lambda n: about(n.gb_months_per_million),
        "USD for a million queries (assumed prices)": lambda n: f"{n.usd_per_million:.2f}",
    }


def _most(brokers_for: Mapping[str, int]) -> str:
    return max(brokers_for, key=lambda why: brokers_for[why])


def _count(count: int | None) -> str:
    return "no number is enough" if count is None else about(count)


def first(known: Measured, assumed: Assumed, sizes: Sequence[float]) -> str:
    """What has ended by each size, in the order in which it does."""
    found = limits(known, assumed)
    rows = [
        (f"{q:,.0f}", "; ".join(one.what for one in found if one.per_s <= q) or "nothing")
        for q in sizes
    ]
    return table(["queries/s", "has ended by then, the first first"], rows)


def ends(known: Measured, assumed: Assumed) -> str:
    rows = [
        (about(one.per_s), one.what, one.why, one.change)
        for one in limits(known, assumed)
        if one.per_s < MOST
    ]
    return table(["queries/s", "what ends", "since", "instead"], rows)


def cells(known: Measured, assumed: Assumed, queries_per_s: float) -> str:
    """How many systems side by side so many queries a second are."""
    first = limits(known, assumed)[0]
    count = ceil(queries_per_s / (first.per_s * assumed.busy))
    each = queries_per_s / count
    return (
        f"{queries_per_s:,.0f} queries/s are then {count} cells of {about(each)} queries/s, each "
        f"at {assumed.busy:.0%} of its first limit."
    )


def tuning(known: Measured) -> str:
    rows = [
        (
            f"{row.partitions:,}",
            str(row.tasks),
            str(row.models),
            number(row.pane_ms),
            number(row.us_per_part),
            f"{row.pane_ms / SHIPPED.windows.pane_ms:.2%}",
        )
        for row in known.tuning
    ]
    head = ["partitions", "tasks", "models", "ms for a pane", "us for a part", "of its time"]
    return table(head, rows)


def hearing(known: Measured) -> str:
    rows = [
        (
            f"{row.workers:,}",
            number(row.us_per_query),
            number(row.us_per_report),
            number(row.us_per_look),
        )
        for row in known.hearing
    ]
    return table(["workers, of 3 models", "us a query", "us a report", "us a look at all"], rows)


def reading(known: Measured) -> str:
    rows = [
        ("gateway: an answer that is another's, read by Kafka's client and passed over", "skip_us"),
        ("dashboard: a query's answer and two metrics, decoded and shown", "board_us"),
        ("grader: an answer decoded and put into its index again", "index_us"),
    ]
    found = [(text, number(getattr(known, name))) for text, name in rows]
    return table(["pure code, no network", "us"], found)


def learning(known: Measured) -> str:
    panes = SHIPPED.windows.panes
    rows = [
        (str(row.partitions), f"{row.late_panes / panes:g}", f"{row.accuracy:.3f}")
        for row in known.learning
    ]
    return table(["partitions of `metrics`", "rules late by, windows", "mean grade"], rows)
