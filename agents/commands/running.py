"""``zeta run`` and ``zeta up``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Annotated

import typer

from agents.commands.context import Context, get, log_to_stderr
from agents.metering import MetricsPortError, exported
from agents.roles import build_role, role_names
from agents.supervising import Child, Supervisor
from streams.admin import BrokerRefusedError, BrokerUnreachable, list_topics, require_broker
from streams.app import run_app
from streams.denials import or_hidden
from streams.settings import Settings

DRAIN_MARGIN_S = 5.0

Replica = Annotated[
    str,
    typer.Option(
        envvar="ZETA_REPLICA",
        help="A stable name of this process within its role; no two may share one. With it a "
        "restarted process gets its partitions back at once.",
    ),
]
MetricsPort = Annotated[
    int,
    typer.Option(
        min=0,
        max=65535,
        help="Serve Prometheus metrics on 127.0.0.1 at this port; 0: don't. With several roles "
        "each gets the next port, in their order.",
    ),
]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]


def run(
    context: typer.Context,
    roles: Annotated[list[str], typer.Argument(help="e.g. router, worker-code-7b, tuner")],
    replica: Replica = "",
    log_level: LogLevel = "info",
    metrics_port: MetricsPort = 0,
) -> None:
    """Run one role in the foreground, or several as child processes.

    Example: zeta run router

    SIGTERM or Ctrl-C drains: work in flight is finished and committed, then the exit code is 0.
    """
    shared = get(context)
    settings = shared.settings()
    if len(roles) > 1:
        raise typer.Exit(_supervise(shared, settings, roles, log_level, replica, metrics_port))
    try:
        code = asyncio.run(_run_role(settings, roles[0], replica, log_level, metrics_port))
    except MetricsPortError as error:
        shared.fail(str(error))
    raise typer.Exit(code)


async def _run_role(
    settings: Settings, role: str, replica: str, log_level: str, metrics_port: int
) -> int:
    app = build_role(settings, role, replica)
    await require_broker(settings.kafka)
    log_to_stderr(log_level, role)
    with exported(app.registry, metrics_port):
        return await run_app(app)


def up(
    context: typer.Context, log_level: LogLevel = "warning", metrics_port: MetricsPort = 0
) -> None:
    """Run the whole system in the foreground: every role, one worker per model.

    Example: zeta up

    One Ctrl-C drains everything and exits 0. The broker must run (zeta kafka start) and have the
    topics (zeta topics create).
    """
    shared = get(context)
    settings = shared.settings()
    if not settings.models:
        shared.fail("no models: name a settings file that declares some (--config zeta.toml)")
    missing = [row.name for row in asyncio.run(list_topics(settings)) if row.state == "missing"]
    if missing:
        hidden = or_hidden(settings.kafka)
        shared.fail(f"missing topics: {', '.join(missing)}{hidden}; run `zeta topics create`")
    raise typer.Exit(
        _supervise(shared, settings, role_names(settings), log_level, "up", metrics_port)
    )


def _supervise(
    shared: Context,
    settings: Settings,
    roles: list[str],
    log_level: str,
    replica: str,
    metrics_port: int,
) -> int:
    asyncio.run(_check(settings, roles, replica))
    ports = [metrics_port + place if metrics_port else 0 for place in range(len(roles))]
    children = [
        Child(role, role_command(shared, role, log_level, replica, port))
        for role, port in zip(roles, ports, strict=True)
    ]
    grace_s = settings.kafka.drain_s + DRAIN_MARGIN_S
    return asyncio.run(_run_children(shared, settings, children, grace_s))


async def _check(settings: Settings, roles: list[str], replica: str) -> None:
    """A wrong name or setting, or a broker that isn't there, is told once, not by each child."""
    for role in roles:
        build_role(settings, role, replica)
    await require_broker(settings.kafka)


async def _run_children(
    shared: Context, settings: Settings, children: list[Child], grace_s: float
) -> int:
    async def no_broker() -> bool:
        try:
            await require_broker(settings.kafka)
        except BrokerRefusedError:
            return False
        except BrokerUnreachable:
            return True
        return False

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    shared.say(f"running {', '.join(child.name for child in children)}; Ctrl-C drains and ends")
    return await Supervisor(children, stop, grace_s, shared.say, no_broker).run()


def role_command(
    shared: Context, role: str, log_level: str, replica: str, metrics_port: int = 0
) -> list[str]:
    """The command line of one role as a child process, with this call's settings."""
    path = shared.path()
    command = [sys.executable, "-m", "agents.cli"]
    command += ["--config", os.fspath(path)] if path is not None else []
    for key, value in shared.flags.items():
        command += ["--set", f"{key}={value}"]
    command += ["run", role, "--log-level", log_level]
    command += ["--replica", replica] if replica else []
    return [*command, "--metrics-port", str(metrics_port)] if metrics_port else command
