"""``zeta bench router``, ``decision``, … and ``all``: how fast the product is."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
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
from agents.commands.context import USAGE, Context, Json, get
from agents.comparison.litellm_library import LiteLLMMissingError

PAGE = Path("docs") / "benchmarks.md"

Say: TypeAlias = Callable[[str], None]
OnBroker: TypeAlias = Callable[[Broker, Say], Coroutine[Any, Any, Row]]
Runs = Annotated[int, typer.Option(min=1, help="How often each is measured.")]

AGGREGATED = ((100_000, 1), (400_000, 1), (1_000_000, 10))
"""Metrics, and the hours of the log that they are spread over."""

SCALED = 60_000


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
    _show(_ready(context), lambda: bench_decision(runs), json)


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
    seconds: Annotated[float, typer.Option(min=2, help="So long, each way and run.")] = 15.0,
    json: Json = False,
) -> None:
    """Time queries until their answers, beside two bare hops and LiteLLM.

    Example: zeta bench path --json
    """
    _on_broker(context, json, lambda at, say: bench_path(at.bootstrap, runs, rate, seconds, say))


def throughput(
    context: typer.Context,
    runs: Runs = 3,
    queries: Annotated[int, typer.Option(min=100, help="Queries per run.")] = 3000,
    json: Json = False,
) -> None:
    """Load the whole loop, and LiteLLM, with all that they take.

    Example: zeta bench throughput --json
    """
    _on_broker(context, json, lambda at, say: bench_throughput(at, runs, queries, say))


def worker(
    context: typer.Context,
    runs: Runs = 3,
    answers: Annotated[int, typer.Option(min=100, help="Answers per run.")] = 15_000,
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
    seconds: Annotated[float, typer.Option(min=5, help="So long, each run.")] = 20.0,
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
    records: Annotated[int, typer.Option(min=2000, help="Queries per run.")] = SCALED,
    json: Json = False,
) -> None:
    """Give the router more processes, partitions and models.

    Example: zeta bench scale --json
    """
    shared = _ready(context)
    _show(shared, lambda: asyncio.run(bench_scale(kafka, runs, records, shared.say)), json)


def start(context: typer.Context, runs: Runs = 3, json: Json = False) -> None:
    """Start everything from nothing, and see what it needs at rest.

    Example: zeta bench start --json
    """
    shared = _ready(context)
    _show(shared, lambda: bench_start(runs, shared.say), json)


def everything(
    context: typer.Context,
    output: Annotated[Path, typer.Option(help="The page that is written.")] = PAGE,
    json: Json = False,
) -> None:
    """Run every benchmark, and write the page: 13 to 19 minutes on two cores.

    Example: zeta bench all
    """
    shared = _ready(context)
    began_s, found = time.monotonic(), list[Row]()
    if problem := _unwritable(output):  # told now, not after a quarter of an hour
        shared.fail(f"--output {output}: {problem}", USAGE)
    try:
        for bench in _everything(shared):
            found.append(bench)
    except (BenchError, LiteLLMMissingError) as error:
        done = ", ".join(row["bench"] for row in found) or "none"
        shared.say("".join(f"\n{row['bench']}\n{tables(row)}\n" for row in found))
        shared.fail(f"{error} (done before: {done}; {output} is as it was)")
    on, elapsed_s = machine(os.environ), time.monotonic() - began_s
    today = datetime.now(tz=UTC).date().isoformat()
    if json:
        shared.json({"date": today, "machine": on, "elapsed_s": elapsed_s, "benches": found})
    output.write_text(page(on, "zeta bench all", today, elapsed_s, found), encoding="utf-8")
    shared.say(f"{output} is written")


def _unwritable(output: Path) -> str | None:
    if output.is_dir():
        return "is a directory; name a file"
    if not output.parent.is_dir():
        return f"there is no directory {output.parent}"
    at = output if output.exists() else output.parent
    return None if os.access(at, os.W_OK) else "may not be written"


def _everything(shared: Context) -> Iterator[Row]:
    yield bench_decision(3)
    yield bench_start(3, shared.say)
    with kafka() as at:
        for bench in _ALL:
            yield asyncio.run(bench(at, shared.say))
    yield asyncio.run(bench_scale(kafka, 3, SCALED, shared.say))


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


def _ready(context: typer.Context) -> Context:
    """The shared context, where nothing was asked for that a benchmark would not do.

    A benchmark that is told to end by SIGTERM ends as by Ctrl-C: with all that it began.
    """
    shared = get(context)
    if shared.flags:
        names = ", ".join(shared.flags)
        shared.fail(f"--set {names}: benchmarks have settings of their own; leave it out", USAGE)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    return shared


def _on_broker(context: typer.Context, json: bool, bench: OnBroker) -> None:
    shared = _ready(context)
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
        shared.json({**found, "machine": machine(os.environ)})
    else:
        print(tables(found), file=sys.stdout)
