"""What ``zeta bench balance`` reports of a run: pure functions of its answers.

Times are the clients': seconds from the query's record to the response, waiting included. The
models' shares are of the queries, by the second in which they were asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Any

import numpy as np

SHARE_WINDOW_S = 1.0


@dataclass(frozen=True)
class Answered:
    """One query's fate; ``asked_s`` from the run's start, ``grade`` None where there is none."""

    asked_s: float
    model: str
    response_time_s: float
    grade: float | None
    ok: bool = True


def figures(
    answers: Sequence[Answered], models: Sequence[str], seconds: float, queries: int
) -> dict[str, Any]:
    """Figures of the whole run and, under ``second_half``, of what was asked in that.

    Args:
        answers: the answers and error answers that came.
        models: all that could have been chosen.
        seconds: how long queries were sent.
        queries: how many were sent.

    Returns:
        ``queries``, ``answered``, ``errors``, and twice the keys of ``_part``.
    """
    late = [one for one in answers if one.asked_s >= seconds / 2]
    return {
        "queries": queries,
        "answered": sum(one.ok for one in answers),
        "errors": sum(not one.ok for one in answers),
        **_part(answers, models, 0.0, seconds),
        "second_half": _part(late, models, seconds / 2, seconds),
    }


def _part(
    answers: Sequence[Answered], models: Sequence[str], from_s: float, until_s: float
) -> dict[str, Any]:
    """``p50_s``, ``p95_s``, ``mean_s``; ``accuracy``; ``in_flight`` by model (Little: time spent
    per second); ``shares`` by model; ``largest_share``, theirs; ``largest_share_of_a_second``,
    the mean of each second's largest; ``swing``, the largest of the models' standard deviations
    of their share from second to second.
    """
    times = [one.response_time_s for one in answers]
    grades = [one.grade for one in answers if one.grade is not None]
    rows = shares_by_window(answers, models, from_s, until_s)
    spent = {
        model: sum(one.response_time_s for one in answers if one.model == model) for model in models
    }
    shares = shares_of(answers, models)
    return {
        "p50_s": _quantile(times, 0.5),
        "p95_s": _quantile(times, 0.95),
        "mean_s": fmean(times) if times else None,
        "accuracy": fmean(grades) if grades else None,
        "in_flight": {model: spent[model] / (until_s - from_s) for model in models},
        "shares": shares,
        "largest_share": max(shares.values()),
        "largest_share_of_a_second": fmean(max(row.values()) for row in rows) if rows else None,
        "swing": max(pstdev(row[model] for row in rows) for model in models) if rows else None,
    }


def _quantile(values: Sequence[float], q: float) -> float | None:
    return float(np.quantile(values, q)) if values else None


def shares_of(answers: Iterable[Answered], models: Sequence[str]) -> dict[str, float]:
    """Each model's part of the queries, 0..1; all 0 without any."""
    counts = Counter(one.model for one in answers)
    total = sum(counts[model] for model in models)
    return {model: counts[model] / total if total else 0.0 for model in models}


def shares_by_window(
    answers: Iterable[Answered], models: Sequence[str], from_s: float, until_s: float
) -> list[Mapping[str, float]]:
    """The shares of each whole second in which anything was asked."""
    windows: dict[int, list[Answered]] = {}
    for one in answers:
        if from_s <= one.asked_s < until_s:
            windows.setdefault(int((one.asked_s - from_s) / SHARE_WINDOW_S), []).append(one)
    whole = int((until_s - from_s) / SHARE_WINDOW_S)
    return [shares_of(row, models) for number, row in sorted(windows.items()) if number < whole]
