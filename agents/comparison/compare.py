"""Several routers on the same draws, in figures."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np

from agents.comparison.entrants import Entrant
from agents.comparison.play import Played, play
from agents.evaluation.columns import OutcomesError
from agents.evaluation.draws import Arrivals, draw
from agents.evaluation.measures import accuracies, largest_share
from agents.evaluation.outcomes import Outcomes, read_outcomes

MILLION = 1_000_000

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """Outcomes with their response times imputed where they are missing, if that can be.

    ``imputed_share``: of the answers, how many have an imputed time.
    """

    outcomes: Outcomes
    imputed_share: float


def read_recorded(path: Path) -> Recorded:
    """The outcomes in a file.

    Raises:
        OutcomesError: as ``read_outcomes``, but for times that can't be imputed.
    """
    plain = read_outcomes(path)
    given = ~np.isnan(plain.answers.correct)
    missing = given & np.isnan(plain.answers.latency_s)
    if not missing.any():
        return Recorded(plain, 0.0)
    try:
        filled = read_outcomes(path, impute=True)
    except OutcomesError:
        return Recorded(plain, 0.0)
    return Recorded(filled, float(missing.sum() / given.sum()))


def figures_by_seed(
    entrant: Entrant, outcomes: Outcomes, seeds: Sequence[int]
) -> Iterator[dict[str, float | None]]:
    """One router's figures on each seed's draw, each from a cold start."""
    for seed in seeds:
        dealt = draw(outcomes, None, Arrivals(), seed)
        played = asyncio.run(play(entrant.open, outcomes.models, dealt))
        yield _figures(played, is_timed=entrant.is_timed)


def _figures(played: Played, *, is_timed: bool) -> dict[str, float | None]:
    """One draw's; as ``agents.evaluation.measures`` defines them, and times.

    ``response_time_s``: mean of the choices'; ``decision_us`` and ``learning_us``: microseconds of
    processor time per query, None where nothing is decided.
    """
    dealt, chosen = played.run.draw, played.run.chosen
    count = len(chosen)
    taken_s = dealt.answers.latency_s[np.arange(count), chosen]
    all_accuracies = accuracies(played.run)
    kept = ("accuracy", "accuracy_last_two_thirds", "last_two_thirds_of_best")
    return {
        **{name: all_accuracies[name] for name in kept},
        "largest_share": largest_share(played.run),
        "response_time_s": None if np.isnan(taken_s).any() else float(taken_s.mean()),
        "decision_us": played.choosing_s / count * MILLION if is_timed else None,
        "learning_us": played.learning_s / count * MILLION if is_timed else None,
    }


def row(
    entrant: Entrant,
    own: Sequence[Mapping[str, float | None]],
    first: Sequence[Mapping[str, float | None]],
) -> Row:
    """One router's figures over all seeds.

    Means, but for the processor times, which are medians over the seeds. ``behind``: how much
    more accurate the first router is, in the mean of the differences draw by draw. ``…_se``: the
    standard error over the seeds, None for one seed.
    """
    accuracy = _values(own, "accuracy")
    behind = [one - other for one, other in zip(_values(first, "accuracy"), accuracy, strict=True)]
    return {
        "router": entrant.name,
        "feedback": entrant.feedback,
        "seeds": len(own),
        "accuracy": fmean(accuracy),
        "accuracy_se": _standard_error(accuracy),
        "behind": fmean(behind),
        "behind_se": _standard_error(behind),
        "accuracy_last_two_thirds": _mean(own, "accuracy_last_two_thirds"),
        "last_two_thirds_of_best": _mean(own, "last_two_thirds_of_best"),
        "largest_share": _mean(own, "largest_share"),
        "response_time_s": _mean(own, "response_time_s"),
        "decision_us": _median(own, "decision_us"),
        "learning_us": _median(own, "learning_us"),
    }


def _values(runs: Sequence[Mapping[str, float | None]], name: str) -> list[float]:
    return [value for run in runs if (value := run[name]) is not None]


def _mean(runs: Sequence[Mapping[str, float | None]], name: str) -> float | None:
    values = _values(runs, name)
    return fmean(values) if values else None


def _median(runs: Sequence[Mapping[str, float | None]], name: str) -> float | None:
    values = _values(runs, name)
    return median(values) if values else None


def _standard_error(values: Sequence[float]) -> float | None:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
