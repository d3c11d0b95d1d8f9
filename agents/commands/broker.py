"""``zeta kafka start / stop / status`` and ``zeta topics create / list / acls``."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from agents.acls_view import UnknownRoleError, line, principals, row
from agents.commands.context import FAILED, USAGE, Context, Json, get
from streams import broker
from streams.access import grants
from streams.admin import TopicReport, create_topics, list_topics

kafka = typer.Typer(no_args_is_help=True, help="The local broker: real Apache Kafka.")
topics = typer.Typer(no_args_is_help=True, help="The topic table against the broker.")

Directory = Annotated[
    Path | None, typer.Option(help="Where it keeps its data; default $ZETA_HOME/kafka/broker.")
]


@kafka.command("start")
def start(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65534, help="On 127.0.0.1.")] = 9092,
    directory: Directory = None,
    json: Json = False,
) -> None:
    """Start the local broker, unless it runs; its data survive a restart.

    Example: zeta kafka start --port 9092
    """
    _show(get(context), broker.start(directory or broker.default_directory(), port), json)


@kafka.command("stop")
def stop(context: typer.Context, directory: Directory = None, json: Json = False) -> None:
    """Stop the local broker cleanly; its data stay.

    Example: zeta kafka stop
    """
    _show(get(context), broker.stop(directory or broker.default_directory()), json)


@kafka.command("status")
def status(context: typer.Context, directory: Directory = None, json: Json = False) -> None:
    """Say whether the local broker runs, and where; exit code 1 if it doesn't.

    Example: zeta kafka status --json
    """
    found = broker.status(directory or broker.default_directory())
    _show(get(context), found, json)
    if not found.running:
        raise typer.Exit(FAILED)


def _show(shared: Context, found: broker.Status, json: bool) -> None:
    if json:
        shared.json(asdict(found))
        return
    state = f"runs as pid {found.pid}" if found.running else "does not run"
    shared.out.print(f"Kafka {found.version} {state} on {found.bootstrap}", highlight=False)
    shared.out.print(f"data {found.data_directory}, log {found.log_file}", highlight=False)


@topics.command("create")
def create(context: typer.Context, json: Json = False) -> None:
    """Make the topics that are missing; report, and leave as it is, what differs.

    Example: zeta topics create

    Exit code 1 when a topic differs from the topic table.
    """
    shared = get(context)
    _show_topics(shared, asyncio.run(create_topics(shared.settings())), json)


@topics.command("list")
def list_command(context: typer.Context, json: Json = False) -> None:
    """Compare the broker's topics with the topic table; exit code 1 when they differ.

    Example: zeta topics list
    """
    shared = get(context)
    _show_topics(shared, asyncio.run(list_topics(shared.settings())), json)


@topics.command("acls")
def acls(
    context: typer.Context,
    role: Annotated[
        list[str] | None,
        typer.Option(help="Only this role (repeatable); ROLE=User:name for its principal."),
    ] = None,
    command_config: Annotated[
        str, typer.Option(help="The admin's properties file, as Kafka's tools take it.")
    ] = "admin.properties",
    json: Json = False,
) -> None:
    """Print what each role may do, the least that it needs, as kafka-acls.sh commands.

    Example: zeta topics acls --role router=User:router-eu

    Asks no broker and changes nothing; a role's principal is User:zeta-<role> by default.
    """
    shared = get(context)
    settings = shared.settings()
    try:
        wanted = principals(settings, role or ())
    except UnknownRoleError as error:
        shared.fail(str(error), USAGE)
    for name, principal in wanted.items():
        for grant in grants(settings, name):
            if json:
                shared.json(row(grant, principal))
            else:
                print(line(grant, principal, settings.kafka.bootstrap, command_config))


def _show_topics(shared: Context, reports: list[TopicReport], json: bool) -> None:
    if json:
        for report in reports:
            shared.json(report)
    else:
        table = Table("topic", "state", "partitions", "replication", "differences")
        for report in reports:
            table.add_row(
                report.name,
                report.state,
                str(report.partitions),
                str(report.replication),
                "; ".join(report.differences),
            )
        shared.out.print(table)
    if any(report.state in ("differs", "missing") for report in reports):
        raise typer.Exit(FAILED)
