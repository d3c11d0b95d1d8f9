"""``zeta bench gateway``."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from agents.benchmarks.figures import machine
from agents.benchmarks.gateway import bench_gateway
from agents.benchmarks.page import tables
from agents.benchmarks.processes import BenchError
from agents.benchmarks.town import kafka
from agents.commands.context import Json, get


def gateway(
    context: typer.Context,
    runs: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 5,
    requests: Annotated[int, typer.Option(min=10, help="Of each kind, per run.")] = 300,
    concurrent: Annotated[int, typer.Option(min=2, help="Requests at a time.")] = 16,
    json: Json = False,
) -> None:
    """Time requests through the gateway, beside direct calls of the same model server.

    Example: zeta bench gateway --json
    """
    shared = get(context)
    if not os.environ.get("KAFKA_BOOTSTRAP"):
        shared.say("starting Apache Kafka (the first time it is fetched)")
    try:
        with kafka() as at:
            found = asyncio.run(bench_gateway(at, runs, requests, concurrent, shared.say))
    except BenchError as error:
        shared.fail(str(error))
    if json:
        shared.json({**found, "machine": machine()})
    else:
        print(tables(found))
