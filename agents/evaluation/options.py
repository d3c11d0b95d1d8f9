"""What is to be played, as it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from agents.evaluation.columns import OutcomesError
from agents.evaluation.draws import Arrivals, read_arrivals
from agents.evaluation.outcomes import Outcomes, read_outcomes
from agents.evaluation.plan import Plan, make_plan
from agents.evaluation.shifts import Shift, parse_shift
from streams.settings import Settings

SAMPLE = "outcomes-sample.csv"
"""Synthetic: made up to try the command with; it measures nothing."""


@dataclass(frozen=True)
class Options:
    """``zeta evaluate``'s options, but for seeds and output; None or empty: the default."""

    outcomes: Path | None
    arrivals: Path | None
    poisson: float | None
    policies: Sequence[str]
    objective: str | None
    window_queries: int
    shift: str | None
    shift_at: float
    restore_at: float | None
    impute: bool


def make_plans(settings: Settings, options: Options) -> list[Plan]:
    """A plan for each policy, on the same outcomes.

    Raises:
        OutcomesError: a file, or options that don't go together.
    """
    outcomes = _read(options)
    shift = _shift(options, outcomes)
    arrivals = _arrivals(options, len(outcomes.keys))
    return [
        make_plan(
            settings,
            outcomes,
            policy=policy,
            objective=options.objective or settings.routing.objective,
            window_queries=options.window_queries,
            arrivals=arrivals,
            shift=shift,
        )
        for policy in options.policies or [settings.routing.policy]
    ]


def _read(options: Options) -> Outcomes:
    if options.outcomes is not None:
        return read_outcomes(options.outcomes, impute=options.impute)
    with as_file(files("agents") / "data" / SAMPLE) as path:
        return read_outcomes(path, impute=options.impute)


def _shift(options: Options, outcomes: Outcomes) -> Shift | None:
    if options.shift is None:
        return None
    return parse_shift(
        options.shift, outcomes, options.shift_at, options.restore_at, impute=options.impute
    )


def _arrivals(options: Options, count: int) -> Arrivals:
    if options.arrivals is None:
        return Arrivals(rate=options.poisson)
    if options.poisson is not None:
        raise OutcomesError("--arrivals and --poisson: give one of them")
    return read_arrivals(options.arrivals, count)
