"""``zeta bench``: measurements of the product beside others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from agents.commands import benching
from agents.commands.balance import balance
from agents.commands.bench_scaling import scaling
from agents.commands.context import USAGE, Context, Json, get
from agents.comparison.compare import Recorded, Row, figures_by_seed, read_recorded, row
from agents.comparison.entrants import MAKERS, OBJECTIVE, refusal
from agents.comparison.litellm_library import LiteLLMMissingError, litellm_version, load
from agents.comparison.table import comparison_table
from agents.evaluation.columns import OutcomesError
from agents.evaluation.options import SAMPLE

bench = typer.Typer(no_args_is_help=True, help="Measure the product beside others.")


@bench.callback()
def group() -> None:
    """Keeps ``zeta bench`` a group with one member."""


bench.command()(balance)
bench.command()(scaling)
benching.add_to(bench)


def _names(given: list[str] | None) -> list[str]:
    names = [name.strip() for one in given or () for name in one.split(",")]
    for name in names:
        if name not in MAKERS:
            raise typer.BadParameter(f"no router {name!r}; one of {', '.join(MAKERS)}")
    return [name for name in MAKERS if name in names or not names]


@bench.command()
def routing(
    context: typer.Context,
    outcomes: Annotated[
        Path | None,
        typer.Option(help="Parquet or CSV, a row per query and model; default: a small sample."),
    ] = None,
    router: Annotated[
        list[str] | None,
        typer.Option(callback=_names, help="Only these: give it again, or with commas between."),
    ] = None,
    window_queries: Annotated[
        int, typer.Option(min=1, help="Queries per window, over all tasks.")
    ] = 80,
    seeds: Annotated[int, typer.Option(min=1, help="Runs, each in another order.")] = 20,
    first_seed: Annotated[int, typer.Option(min=0)] = 0,
    json: Json = False,
) -> None:
    """Compare routers on recorded outcomes: ours, LiteLLM's, and what hindsight would choose.

    Example: zeta bench routing --seeds 5

    Example: zeta bench routing --outcomes outcomes.parquet --router zeta,litellm-adaptive --json

    All get the same queries in the same order, cold, and learn of their own choices only. Needs
    LiteLLM (pip install -e '.[bench]'); nothing is sent anywhere. docs/comparison.md tells what
    each router is given.
    """
    shared = get(context)
    names = router or list(MAKERS)
    runs = range(first_seed, first_seed + seeds)
    try:
        recorded = _read(outcomes)
        versions = _versions(names)
        found = _compare(shared, recorded, names, window_queries, runs)
    except OutcomesError as error:
        shared.fail(str(error), USAGE)
    except LiteLLMMissingError as error:
        shared.fail(str(error))
    found = {**found, "versions": versions, "seeds": seeds, "first_seed": first_seed}
    if json:
        shared.json(found)
    else:
        shared.out.print(comparison_table(found))


def _read(path: Path | None) -> Recorded:
    if path is not None:
        return read_recorded(path)
    with as_file(files("agents") / "data" / SAMPLE) as sample:
        return read_recorded(sample)


def _versions(names: Sequence[str]) -> Mapping[str, str]:
    ours = {"zeta-router": version("zeta-router")}
    if not any(name.startswith("litellm") for name in names):
        return ours
    load()
    return {**ours, "litellm": litellm_version()}


def _compare(
    shared: Context,
    recorded: Recorded,
    names: Sequence[str],
    window_queries: int,
    seeds: Sequence[int],
) -> dict[str, Any]:
    outcomes = recorded.outcomes
    file = Path(outcomes.file).name
    refusals = {name: why for name in names if (why := refusal(name, outcomes))}
    return {
        "outcomes": f"{SAMPLE} (synthetic)" if file == SAMPLE else file,
        "queries": len(outcomes.keys),
        "left_out": outcomes.left_out,
        "objective": OBJECTIVE,
        "latency": outcomes.latency,
        "imputed_share": recorded.imputed_share,
        "window_queries": window_queries,
        "not_run": refusals,
        "routers": _rows(
            shared, recorded, [n for n in names if n not in refusals], window_queries, seeds
        ),
    }


def _rows(
    shared: Context,
    recorded: Recorded,
    names: Sequence[str],
    window_queries: int,
    seeds: Sequence[int],
) -> list[Row]:
    settings, outcomes = shared.settings(), recorded.outcomes
    found: list[Row] = []
    first: list[dict[str, float | None]] = []
    with Progress(console=shared.err, transient=True) as progress:
        for name in names:
            entrant = MAKERS[name](settings, outcomes, window_queries)
            runs = figures_by_seed(entrant, outcomes, seeds)
            own = list(progress.track(runs, total=len(seeds), description=name))
            first = first or own
            found.append(row(entrant, own, first))
    return found
