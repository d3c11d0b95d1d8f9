"""``zeta schemas``: the wire as JSON Schemas and AsyncAPI, and what changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from agents.commands.context import FAILED, USAGE, Context, Json, get
from agents.contracts.files import (
    ASYNCAPI,
    ContractError,
    as_text,
    contracts,
    outdated,
    read_schemas,
    write_contracts,
)
from schemas.contract_changes import changes
from schemas.contract_kinds import UnknownSchemaError
from streams.topics import topic_table


def schemas(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Print this one: an event, e.g. Query, or asyncapi.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write all of them into this directory.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Compare this directory with the code: exit code 1 if old.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Compare with the older schemas in this directory: exit code 1 if a "
            "change breaks old records or old readers."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print, write or check what is on the wire: JSON Schemas and an AsyncAPI 3 document.

    Example: zeta schemas Query

    Nothing is asked of the broker. --against names each change by event and field.
    """
    shared = get(context)
    try:
        if against is not None:
            _compare(shared, against, json=json)
        elif check is not None:
            _check(shared, check, json=json)
        elif output is not None:
            _write(shared, output, json=json)
        else:
            _print(shared, name, json=json)
    except (ContractError, UnknownSchemaError) as error:
        shared.fail(str(error), USAGE)


def _print(shared: Context, name: str, *, json: bool) -> None:
    every = contracts()
    if name:
        found = every.get(f"{name.removesuffix('.json')}.json")
        if found is None:
            known = ", ".join(Path(one).stem for one in every)
            shared.fail(f"no document {name!r}; there are {known}", USAGE)
        if json:
            shared.json(found)
        else:
            print(as_text(found), end="")
    elif json:
        shared.json(every)
    else:
        _list(shared)


def _list(shared: Context) -> None:
    table = Table("event", "topics", "required fields")
    carried = {
        kind.__name__: [row.name for row in topic_table(["<model>"]) if kind in row.events]
        for row in topic_table(["<model>"])
        for kind in row.events
    }
    every = contracts()
    for event, topics in carried.items():
        required = every[f"{event}.json"].get("required", [])
        table.add_row(event, ", ".join(topics), ", ".join(required))
    shared.out.print(table)
    shared.say(f"zeta schemas <event> prints one, zeta schemas {Path(ASYNCAPI).stem} all topics")


def _write(shared: Context, directory: Path, *, json: bool) -> None:
    try:
        written = write_contracts(directory)
    except OSError as error:
        shared.fail(f"--output {directory}: {error.strerror}")
    if json:
        shared.json([str(path) for path in written])
    else:
        shared.say(f"{len(written)} files in {directory}")


def _check(shared: Context, directory: Path, *, json: bool) -> None:
    old = outdated(directory)
    if json:
        shared.json({"outdated": old})
    if not old:
        return
    if not json:
        shared.say(f"not what the code says: {', '.join(old)}; run zeta schemas -o {directory}")
    raise typer.Exit(FAILED)


def _compare(shared: Context, directory: Path, *, json: bool) -> None:
    today = {Path(name).stem: one for name, one in contracts().items() if name != ASYNCAPI}
    found = changes(read_schemas(directory), today)
    for change in found:
        if json:
            shared.json(msgspec.to_builtins(change))
        else:
            print(f"{'breaks' if change.breaks else 'differs'}  {change}")
    if not (found or json):
        shared.say("no change that an old record or an old reader would notice")
    if any(change.breaks for change in found):
        raise typer.Exit(FAILED)
