"""``zeta evaluate``: policies on recorded outcomes, through the code that production runs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from agents.commands.context import USAGE, Context, Json, get
from agents.commands.names import objective_name, policy_names
from agents.evaluation.columns import OutcomesError
from agents.evaluation.curves import Curves, added
from agents.evaluation.figures import figures
from agents.evaluation.options import SAMPLE, Options, make_plans
from agents.evaluation.plan import Plan
from agents.evaluation.plot import PlotError, plot, require_matplotlib
from agents.evaluation.report import report
from agents.evaluation.run import measure_seeds

WORTH_A_PROCESS = 40_000
"""Queries; fewer are done sooner than another process has started."""

MOST_PROCESSES = 2


def evaluate(
    context: typer.Context,
    outcomes: Annotated[
        Path | None,
        typer.Option(help="Parquet or CSV, a row per query and model; default: a small sample."),
    ] = None,
    arrivals: Annotated[
        Path | None, typer.Option(help="Parquet or CSV with t_s; default: a query a second.")
    ] = None,
    poisson: Annotated[
        float | None, typer.Option(min=1e-6, help="Random arrivals instead, so many a second.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(callback=policy_names, help="Several: give it again, or with commas between."),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(callback=objective_name, help="accuracy, balanced or inverse-latency."),
    ] = None,
    window_queries: Annotated[
        int, typer.Option(min=1, help="Queries per window, over all tasks.")
    ] = 80,
    shift: Annotated[
        str | None,
        typer.Option(help="Another outcomes file, or MODEL:-0.4 (accuracy), MODEL:x9 (latency)."),
    ] = None,
    shift_at: Annotated[float, typer.Option(min=0, max=1, help="Share of the queries.")] = 0.5,
    restore_at: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Default: 0.8 for a model, never for another file."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs, each in another order.")] = 20,
    first_seed: Annotated[int, typer.Option(min=0)] = 0,
    impute: Annotated[
        bool, typer.Option("--impute", help="Fit response times that are missing.")
    ] = False,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", help="PNG: accuracy and shares over time.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="The figures don't depend on it.")
    ] = None,
    json: Json = False,
) -> None:
    """Judge policies on recorded outcomes: the router's, windows' and tuner's own code, no Kafka.

    Example: zeta evaluate --policy thompson,ucb,seed --seeds 50

    Example: zeta --set routing.exploration=0 evaluate --outcomes outcomes.parquet
    --objective accuracy --shift small-7b:-0.4 --json

    The settings' sections routing and windows hold, policy and objective too if not given here.
    The outcomes have task_type, query_id, model, correct (0 to 1); if known also latency_s,
    output_tokens, output_chars, cost_usd, prompt. docs/evaluate.md defines each figure; with
    --json they are a line for each policy.
    """
    shared = get(context)
    options = Options(
        outcomes=outcomes,
        arrivals=arrivals,
        poisson=poisson,
        policies=policy or [],
        objective=objective,
        window_queries=window_queries,
        shift=shift,
        shift_at=shift_at,
        restore_at=restore_at,
        impute=impute,
    )
    try:
        plans = make_plans(shared.settings(), options)
        if plot_file is not None:
            require_matplotlib()
    except OutcomesError as error:
        shared.fail(str(error), USAGE)
    except PlotError as error:
        shared.fail(str(error))
    runs = range(first_seed, first_seed + seeds)
    results = [_result(shared, plan, runs, processes) for plan in plans]
    _show([one.figures for one in results], shared, _title(plans[0]), json=json)
    if plot_file is not None:
        _draw(shared, plot_file, plans, results)


@dataclass(frozen=True)
class Result:
    """One policy's figures, and its course over time summed over the seeds."""

    figures: dict[str, Any]
    curves: Curves


def _result(shared: Context, plan: Plan, seeds: Sequence[int], processes: int | None) -> Result:
    if processes is None:
        is_worth_it = len(seeds) * len(plan.outcomes.keys) >= WORTH_A_PROCESS
        processes = min(MOST_PROCESSES, os.cpu_count() or 1) if is_worth_it else 1
    began_s = time.monotonic()
    with Progress(console=shared.err, transient=True) as progress:
        done = progress.track(
            measure_seeds(plan, seeds, processes),
            total=len(seeds),
            description=plan.settings.routing.policy,
        )
        runs = list(done)
    elapsed_s = time.monotonic() - began_s
    return Result(figures(plan, runs, elapsed_s), added(run.curves for run in runs))


def _title(plan: Plan) -> str:
    outcomes = plan.outcomes
    sample = f"{SAMPLE} (synthetic)"
    name = sample if Path(outcomes.file).name == SAMPLE else outcomes.file
    return f"{name}: {len(outcomes.tasks)} tasks, {len(outcomes.models)} models"


def _show(found: Sequence[dict[str, Any]], shared: Context, title: str, *, json: bool) -> None:
    if json:
        for one in found:
            shared.json(one)
    else:
        shared.out.print(report(found, title))


def _draw(shared: Context, path: Path, plans: Sequence[Plan], results: Sequence[Result]) -> None:
    curves: dict[str, Curves] = {
        plan.settings.routing.policy: result.curves
        for plan, result in zip(plans, results, strict=True)
    }
    try:
        plot(path, plans[0].outcomes, curves, _title(plans[0]))
    except PlotError as error:
        shared.fail(str(error))
    shared.say(f"[{path}]")
