"""``zeta bench router``, ``decision``, … and ``all``: how fast the product is."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from agents.benchmarks.aggregator import bench_aggregator
from agents.benchmarks.decision import bench_decision
from agents.benchmarks.figures import Row, machine
from agents.benchmarks.gateway import bench_gateway
from agents.benchmarks.loop_delay import bench_loop_delay
from agents.benchmarks.page import page, tables
from agents.benchmarks.path import bench_path
from agents.benchmarks.processes import BenchError
from agents.benchmarks.router import bench_router
from agents.benchmarks.scale import bench_scale
from agents.benchmarks.start import bench_start
from agents.benchmarks.throughput import bench_throughput
from agents.benchmarks.town import Broker, kafka
from agents.benchmarks.worker import bench_worker
from agents.commands.context import Context, Json, get
from agents.comparison.litellm_library import LiteLLMMissingError

PAGE = Path("docs") / "benchmarks.md"

Say: TypeAlias = Callable[[str], None]
OnBroker: TypeAlias = Callable[[Broker, Say], Coroutine[Any, Any, Row]]
Runs = Annotated[int, typer.Option(min=1, help="How often each is measured.")]

AGGREGATED = ((100_000, 1), (400_000, 1), (1_000_000, 10))
"""Metrics, and the hours of the log that they are spread over."""


def gateway(
    context: typer.Context,
    runs: Runs = 5,
    requests: Annotated[int, typer.Option(min=10, help="Of each kind, per run.")] = 300,
    concurrent: Annotated[int, typer.Option(min=2, help="Requests at a time.")] = 16,
    json: Json = False,
) -> None:
    """Time requests through the gateway, beside direct calls of the same model server.

    Example: zeta bench gateway --json
    """
    _on_broker(
        context, json, lambda at, say: bench_gateway(at.bootstrap, runs, requests, concurrent, say)
    )


def decision(context: typer.Context, runs: Runs = 3, json: Json = False) -> None:
    """Time single decisions, beside LiteLLM's.

    Example: zeta bench decision --json
    """
    _show(get(context), lambda: bench_decision(runs), json)


def router(
    context: typer.Context,
    runs: Runs = 3,
    records: Annotated[int, typer.Option(min=2000, help="Queries per run.")] = 80_000,
    json: Json = False,
) -> None:
    """Put records through one router process, a bare loop, and two Faust agents.

    Example: zeta bench router --runs 5 --json
    """
    _on_broker(context, json, lambda at, say: bench_router(at.bootstrap, runs, records, say))


def path(
    context: typer.Context,
    runs: Runs = 3,
    rate: Annotated[float, typer.Option(min=1, help="Queries per second.")] = 50.0,
    seconds: Annotated[float, typer.Option(min=2)] = 15.0,
    json: Json = False,
) -> None:
    """Time queries until their answers, beside two bare hops and LiteLLM.

    Example: zeta bench path --json
    """
    _on_broker(context, json, lambda at, say: bench_path(at.bootstrap, runs, rate, seconds, say))


def throughput(
    context: typer.Context,
    runs: Runs = 3,
    queries: Annotated[int, typer.Option(min=100)] = 3000,
    json: Json = False,
) -> None:
    """Load the whole loop, and LiteLLM, with all that they take.

    Example: zeta bench throughput --json
    """
    _on_broker(context, json, lambda at, say: bench_throughput(at, runs, queries, say))


def worker(
    context: typer.Context,
    runs: Runs = 3,
    answers: Annotated[int, typer.Option(min=100)] = 15_000,
    json: Json = False,
) -> None:
    """Have one worker answer, beside a bare loop of the same client.

    Example: zeta bench worker --json
    """
    _on_broker(context, json, lambda at, say: bench_worker(at.bootstrap, runs, answers, say))


def aggregator(
    context: typer.Context,
    runs: Runs = 3,
    full: Annotated[bool, typer.Option("--full", help="5 million metrics, too.")] = False,
    json: Json = False,
) -> None:
    """Fold metrics into windows, beside a loop that only reads and decodes them.

    Example: zeta bench aggregator --json
    """
    sizes = (*AGGREGATED, *([(5_000_000, 50)] if full else []))
    _on_broker(context, json, lambda at, say: bench_aggregator(at.bootstrap, runs, sizes, say))


def loop_delay(
    context: typer.Context,
    runs: Runs = 3,
    rate: Annotated[float, typer.Option(min=1, help="Queries per second.")] = 100.0,
    seconds: Annotated[float, typer.Option(min=5)] = 20.0,
    json: Json = False,
) -> None:
    """Time the way from a window's close to the first query that its rule routes.

    Example: zeta bench loop-delay --json
    """
    _on_broker(
        context, json, lambda at, say: bench_loop_delay(at.bootstrap, runs, rate, seconds, say)
    )


def scale(
    context: typer.Context,
    runs: Runs = 3,
    records: Annotated[int, typer.Option(min=2000, help="Queries per run.")] = 60_000,
    json: Json = False,
) -> None:
    """Give the router more processes, partitions and models.

    Example: zeta bench scale --json
    """
    shared = get(context)
    _show(shared, lambda: asyncio.run(bench_scale(kafka, runs, records, shared.say)), json)


def start(context: typer.Context, runs: Runs = 3, json: Json = False) -> None:
    """Start everything from nothing, and see what it needs at rest.

    Example: zeta bench start --json
    """
    shared = get(context)
    _show(shared, lambda: asyncio.run(bench_start(runs, shared.say)), json)


def everything(
    context: typer.Context,
    output: Annotated[Path, typer.Option(help="The page that is written.")] = PAGE,
    json: Json = False,
) -> None:
    """Run every benchmark, and write the page: about 13 minutes on two cores.

    Example: zeta bench all
    """
    shared = get(context)
    began_s = time.monotonic()
    if not output.parent.is_dir():
        shared.fail(f"--output {output}: there is no directory {output.parent}")
    found: list[Row] = []
    try:
        found.append(bench_decision(3))
        found.append(asyncio.run(bench_start(3, shared.say)))
        with kafka() as at:
            found += [asyncio.run(bench(at, shared.say)) for bench in _ALL]
        found.append(asyncio.run(bench_scale(kafka, 3, 60_000, shared.say)))
    except (BenchError, LiteLLMMissingError) as error:
        shared.fail(str(error))
    on = machine()
    elapsed_s = time.monotonic() - began_s
    today = datetime.now(tz=UTC).date().isoformat()
    output.write_text(page(on, "zeta bench all", today, elapsed_s, found), encoding="utf-8")
    shared.say(f"{output} is written")
    if json:
        shared.json({"date": today, "machine": on, "elapsed_s": elapsed_s, "benches": found})


_ALL: tuple[OnBroker, ...] = (
    lambda at, say: bench_router(at.bootstrap, 3, 80_000, say),
    lambda at, say: bench_path(at.bootstrap, 3, 50.0, 15.0, say),
    lambda at, say: bench_throughput(at, 3, 3000, say),
    lambda at, say: bench_worker(at.bootstrap, 3, 15_000, say),
    lambda at, say: bench_aggregator(at.bootstrap, 3, AGGREGATED, say),
    lambda at, say: bench_loop_delay(at.bootstrap, 3, 100.0, 20.0, say),
    lambda at, say: bench_gateway(at.bootstrap, 3, 200, 16, say),
)


def add_to(group: typer.Typer) -> None:
    """Registers these commands."""
    plain = (gateway, decision, router, path, throughput, worker, aggregator, scale, start)
    for command in plain:
        group.command()(command)
    group.command("loop-delay")(loop_delay)
    group.command("all")(everything)


def _on_broker(context: typer.Context, json: bool, bench: OnBroker) -> None:
    shared = get(context)
    if not os.environ.get("KAFKA_BOOTSTRAP"):
        shared.say("starting Apache Kafka (the first time it is fetched)")
    with kafka() as at:
        _show(shared, lambda: asyncio.run(bench(at, shared.say)), json)


def _show(shared: Context, bench: Callable[[], Row], json: bool) -> None:
    try:
        found = bench()
    except (BenchError, LiteLLMMissingError) as error:
        shared.fail(str(error))
    if json:
        shared.json({**found, "machine": machine()})
    else:
        print(tables(found), file=sys.stdout)
