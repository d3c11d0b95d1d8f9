"""``zeta run`` and ``zeta up``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from agents.commands import completing
from agents.commands.context import Context, get, log_to_stderr
from agents.log_secrets import scrub_of
from agents.operations import MetricsPortError, place_of, ports_of, serving
from agents.roles import DASHBOARD, build_role, role_names
from agents.supervising import Child, Supervisor
from streams.admin import BrokerRefusedError, BrokerUnreachable, list_topics, require_broker
from streams.app import run_app
from streams.denials import or_hidden
from streams.logs import LogFormat
from streams.settings import Settings

logger = logging.getLogger(__name__)

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
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Serve /metrics, /healthz and /readyz at this port; 0: don't. Default: metrics.port. "
        "With several roles each gets the next port, in their order.",
    ),
]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]
LogFormatOption = Annotated[
    LogFormat, typer.Option(envvar="ZETA_LOG_FORMAT", help="Lines for people, or JSON objects.")
]


@dataclass(frozen=True)
class Options:
    """What ``zeta run`` and ``zeta up`` are told about each process."""

    log_level: str
    log_format: LogFormat = "text"
    replica: str = ""
    metrics_port: int | None = 0


def run(
    context: typer.Context,
    roles: Annotated[
        list[str],
        typer.Argument(help="e.g. router, worker-code-7b, tuner", autocompletion=completing.roles),
    ],
    replica: Replica = "",
    log_level: LogLevel = "info",
    log_format: LogFormatOption = "text",
    metrics_port: MetricsPort = None,
) -> None:
    """Run one role in the foreground, or several as child processes.

    Example: zeta run router

    SIGTERM or Ctrl-C drains: work in flight is finished and committed, then the exit code is 0.
    """
    shared = get(context)
    settings = shared.settings()
    options = Options(log_level, log_format, replica, metrics_port)
    try:
        if len(roles) > 1:
            raise typer.Exit(_supervise(shared, settings, roles, options))
        raise typer.Exit(asyncio.run(_run_role(settings, roles[0], options)))
    except MetricsPortError as error:
        shared.fail(str(error))


async def _run_role(settings: Settings, role: str, options: Options) -> int:
    place = place_of(settings.metrics, options.metrics_port)
    app = build_role(settings, role, options.replica)
    async with serving(app, role, place):
        await require_broker(settings.kafka)
        scrub = scrub_of(settings, os.environ)
        log_to_stderr(options.log_level, role, options.log_format, scrub)
        app.tracing.start(os.environ, f"zeta-{role}", options.replica)
        try:
            return await run_app(app)
        finally:
            await asyncio.to_thread(app.tracing.stop)


def up(
    context: typer.Context,
    log_level: LogLevel = "warning",
    log_format: LogFormatOption = "text",
    metrics_port: MetricsPort = None,
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
    options = Options(log_level, log_format, "up", metrics_port)
    try:
        raise typer.Exit(_supervise(shared, settings, role_names(settings), options))
    except MetricsPortError as error:
        shared.fail(str(error))


def _supervise(shared: Context, settings: Settings, roles: list[str], options: Options) -> int:
    asyncio.run(_check(settings, roles, options.replica))
    place_of(settings.metrics, options.metrics_port)
    ports = ports_of(settings.metrics, options.metrics_port, len(roles))
    children = [
        Child(role, role_command(shared, role, replace(options, metrics_port=port)))
        for role, port in zip(roles, ports, strict=True)
    ]
    page = _page(shared, settings, roles)
    say: Callable[[str], None] = shared.say
    if options.log_format == "json":
        log_to_stderr(options.log_level, "up", "json", scrub_of(settings, os.environ))
        say = _log
    if page is not None:
        say(f"the dashboard is at {page}")
    grace_s = settings.kafka.drain_s + DRAIN_MARGIN_S
    return asyncio.run(_run_children(settings, children, grace_s, say))


def _page(shared: Context, settings: Settings, roles: list[str]) -> str | None:
    """Where the dashboard will be; a taken port is told now, not after its last restart."""
    if DASHBOARD not in roles:
        return None
    from agents import dashboard  # not for every role's process

    try:
        return dashboard.announced(settings)
    except dashboard.PortTakenError as error:
        shared.fail(str(error))


def _log(message: str) -> None:
    logger.warning("%s", message)


async def _check(settings: Settings, roles: list[str], replica: str) -> None:
    """A wrong name or setting, or a broker that isn't there, is told once, not by each child."""
    for role in roles:
        build_role(settings, role, replica)
    await require_broker(settings.kafka)


async def _run_children(
    settings: Settings, children: list[Child], grace_s: float, say: Callable[[str], None]
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
    say(f"running {', '.join(child.name for child in children)}; Ctrl-C drains and ends")
    return await Supervisor(children, stop, grace_s, say, no_broker).run()


def role_command(shared: Context, role: str, options: Options) -> list[str]:
    """The command line of one role as a child process, with this call's settings."""
    path = shared.path()
    command = [sys.executable, "-m", "agents.cli"]
    command += ["--config", os.fspath(path)] if path is not None else []
    for key, value in shared.flags.items():
        command += ["--set", f"{key}={value}"]
    command += ["run", role, "--log-level", options.log_level]
    command += ["--log-format", options.log_format]
    command += ["--replica", options.replica] if options.replica else []
    return [*command, "--metrics-port", str(options.metrics_port or 0)]
