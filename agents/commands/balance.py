"""``zeta bench balance``: does latency in the objective share the load by itself?"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.commands.context import Context, Json, get
from agents.commands.running import Options, role_command
from agents.comparison.balance_figures import figures
from agents.comparison.balance_load import (
    ENTRANTS,
    SCENARIOS,
    TASK,
    Entrant,
    arrivals_s,
    queries,
    with_settings,
)
from agents.comparison.balance_run import Load, play
from agents.comparison.balance_table import balance_table
from agents.demo import DemoError
from agents.roles import role_names
from agents.supervising import Child
from streams import broker
from streams.broker.ports import free_port_run
from streams.settings import load

SETTINGS = "bench-balance.toml"
TO_STDERR = ("sh", "-c", 'exec "$@" >&2', "sh")
"""Before a command: what it prints is not this command's data."""


def _scenarios(given: list[str] | None) -> list[str]:
    for name in given or ():
        if name not in SCENARIOS:
            raise typer.BadParameter(f"no scenario {name!r}; one of {', '.join(SCENARIOS)}")
    return list(given or SCENARIOS)


def _entrants(given: list[str] | None) -> list[str]:
    names = [entrant.name for entrant in ENTRANTS]
    for name in given or ():
        if name not in names:
            raise typer.BadParameter(f"no router {name!r}; one of {', '.join(names)}")
    return list(given or names)


def _also(given: list[str] | None) -> list[str]:
    for text in given or ():
        try:
            with_settings(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return list(given or ())


def balance(
    context: typer.Context,
    scenario: Annotated[
        list[str] | None,
        typer.Option(callback=_scenarios, help="equal or better; default: both."),
    ] = None,
    router: Annotated[
        list[str] | None,
        typer.Option(callback=_entrants, help="static, uniform, accuracy, balanced; default: all."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(callback=_also, help="balanced with settings: routing.sharpness=1,…"),
    ] = None,
    seconds: Annotated[float, typer.Option(min=4, help="How long each is asked.")] = 60.0,
    rate: Annotated[float, typer.Option(min=1, help="Queries per second, Poisson.")] = 20.0,
    target: Annotated[float, typer.Option(min=0.001, help="latency_target_s of the task.")] = 0.4,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json: Json = False,
) -> None:
    """Run routers one after the other on models that slow down as they fill.

    Example: zeta bench balance

    Example: zeta bench balance --scenario equal --router balanced --also routing.largest_step=0.02

    Each gets the same questions at the same instants, on a broker with every role as a process;
    docs/balance.md says what is measured. --set goes over every router's settings.
    """
    shared = get(context)
    entrants = [one for one in ENTRANTS if one.name in (router or ())]
    entrants += map(with_settings, also or ())
    asked = {"seconds": seconds, "rate_per_s": rate, "latency_target_s": target, "seed": seed}
    with ExitStack() as stack:
        bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
        if not bootstrap:
            shared.say("starting Apache Kafka (the first time it is fetched)")
            bootstrap = stack.enter_context(broker.ephemeral()).bootstrap
        for name in scenario or ():
            try:
                found = _compare(shared, bootstrap, name, entrants, asked)
            except DemoError as error:
                shared.fail(str(error))
            if json:
                shared.json(found)
            else:
                shared.out.print(balance_table(found))


def _compare(
    shared: Context,
    bootstrap: str,
    scenario: str,
    entrants: Sequence[Entrant],
    asked: dict[str, Any],
) -> dict[str, Any]:
    rows = []
    models: list[str] = []
    for number, entrant in enumerate(entrants):
        shared.say(f"{scenario}: {entrant.name}")
        run = f"bal-{time.strftime('%H%M%S')}-{number}"
        models, found = _run(shared, bootstrap, run, (scenario, entrant), asked)
        rows.append({"entrant": entrant.name, "settings": entrant.flags, **found})
    return {"scenario": scenario, **asked, "models": models, "entrants": rows}


def _run(
    shared: Context,
    bootstrap: str,
    run: str,
    what: tuple[str, Entrant],
    asked: dict[str, Any],
) -> tuple[list[str], dict[str, Any]]:
    scenario, entrant = what
    with ExitStack() as stack:
        path = stack.enter_context(as_file(files("agents") / "data" / SETTINGS))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zeta-balance-"))
        models = list(tomllib.loads(path.read_text())["models"])
        port = free_port_run(len(models))
        own = {
            "kafka.bootstrap": bootstrap,
            "kafka.prefix": f"{run}-",
            "feedback.index_dir": folder,
            f"tasks.{TASK}.latency_target_s": str(asked["latency_target_s"]),
            **{
                f"models.{model}.endpoint": f"http://127.0.0.1:{port + index}"
                for index, model in enumerate(models)
            },
        }
        single = Context(path, {**entrant.flags, **shared.flags, **own})
        at_s = list(arrivals_s(asked["seed"], asked["rate_per_s"], asked["seconds"]))
        todo = Load(queries(asked["seed"], run, len(at_s)), at_s)
        answers = asyncio.run(
            play(
                load(path, {}, single.flags), _children(single, path, scenario, port), todo,
                shared.say,
            )
        )  # fmt: skip
    return models, figures(answers, models, asked["seconds"], len(at_s))


def _children(shared: Context, path: Path, scenario: str, port: int) -> list[Child]:
    """The models' servers in one process of their own, and a process for each role."""
    command = [*TO_STDERR, sys.executable, "-m", "agents.cli", "sim-model", SCENARIOS[scenario]]
    roles = role_names(load(path, {}, shared.flags))
    options = Options("warning", replica="balance")
    return [
        Child("sim-model", [*command, "--port", str(port)]),
        *(Child(role, role_command(shared, role, options)) for role in roles),
    ]
