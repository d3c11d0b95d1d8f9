"""``zeta bench scaling``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from agents.commands.context import USAGE, Json, get
from agents.scaling.assumed import Assumed
from agents.scaling.breaking import limits
from agents.scaling.measured import BUNDLED, MeasuredError, measured
from agents.scaling.needs import needs
from agents.scaling.page import SIZES, PageError, rewritten, tables
from agents.scaling.simulations import simulate
from agents.scaling.source import TAKEN, bundled, read, timed


def scaling(
    context: typer.Context,
    measurements: Annotated[
        Path | None,
        typer.Option("--from", help="Of `zeta bench all --json`; default: the bundled ones."),
    ] = None,
    time: Annotated[
        bool, typer.Option("--time", help="Run the simulations anew: half a minute.")
    ] = False,
    queries: Annotated[
        list[float] | None, typer.Option(min=1, help="Queries per second; several times.")
    ] = None,
    core_hour: Annotated[
        float, typer.Option(min=0, help="USD for a core for an hour.")
    ] = Assumed().usd_per_core_hour,
    gb_month: Annotated[
        float, typer.Option(min=0, help="USD for a GB of disk for a month.")
    ] = Assumed().usd_per_gb_month,
    save: Annotated[
        Path | None, typer.Option(help="Where the measurements go that this was made of.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The page whose tables are made anew.")
    ] = None,
    json: Json = False,
) -> None:
    """Compute what so many queries a second need, and what ends first: from measurements.

    Example: zeta bench scaling --queries 5000 --json

    Example: zeta bench scaling --from bench.json --time --output docs/scaling.md
    """
    shared = get(context)
    if queries and output is not None:
        why = "the page's sizes are fixed: leave out --queries, or --output to see yours here"
        shared.fail(f"--queries and --output: {why}", USAGE)
    assumed = Assumed(usd_per_core_hour=core_hour, usd_per_gb_month=gb_month)
    try:
        found = bundled() if measurements is None else read(measurements)
        if time:
            found = timed(found, simulate(shared.say))
        known = measured(found, BUNDLED if measurements is None else str(measurements))
        if save is not None:
            save.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
        if output is not None:
            text = rewritten(output.read_text(encoding="utf-8"), found, assumed)
            output.write_text(text, encoding="utf-8")
    except (MeasuredError, PageError, OSError) as error:
        shared.fail(str(error), USAGE)
    sizes = queries or SIZES
    if json:
        rows = [needs(known, assumed, q) for q in sizes]
        told: dict[str, Any] = {"measured": known, "assumed": assumed, "needs": rows}
        told[TAKEN] = found.get(TAKEN, [])
        shared.json({**told, "limits": limits(known, assumed)})
    elif output is None:
        made = tables(found, assumed, sizes)
        print("\n\n".join(made[name] for name in ("machine", "needs", "limits")))
