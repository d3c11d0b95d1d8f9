"""Response times that were not recorded, from those that were.

For each model, seconds = a + b x output tokens by least squares on its own recorded rows; on all
models' rows where it has fewer than two different lengths. Output tokens that were not counted
are output characters / 4. None comes out below the shortest time recorded. What is imputed
carries no load dependence, and is labelled as imputed wherever it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from agents.evaluation.columns import Columns

CHARS_PER_TOKEN = 4


class Line(NamedTuple):
    """seconds = start_s + per_token_s x tokens."""

    start_s: float
    per_token_s: float

    def __call__(self, tokens: float) -> float:
        """Seconds for an answer of this length."""
        return self.start_s + self.per_token_s * tokens


def impute_latency_s(
    columns: Columns, models: Sequence[str], latency_s: Sequence[float]
) -> list[float]:
    """The response times in seconds, with those that are NaN filled in.

    Raises:
        OutcomesError: nothing to fit, or a row whose length isn't known either.
    """
    tokens = _tokens(columns)
    samples: dict[str, list[tuple[float, float]]] = {}
    for model, length, seconds in zip(models, tokens, latency_s, strict=True):
        if not math.isnan(seconds + length):
            samples.setdefault(model, []).append((length, seconds))
    every = [pair for pairs in samples.values() for pair in pairs]
    if not _can_fit(every):
        raise columns.error("nothing to impute from: too few rows have latency_s and output_tokens")
    shortest_s = min(seconds for _, seconds in every)
    pooled = fit(every)
    lines = {model: fit(pairs) for model, pairs in samples.items() if _can_fit(pairs)}
    filled = list(latency_s)
    for row, model in enumerate(models):
        if math.isnan(filled[row]):
            if math.isnan(tokens[row]):
                raise columns.error(
                    "latency_s can't be imputed: no output_tokens or output_chars", row
                )
            filled[row] = max(shortest_s, lines.get(model, pooled)(tokens[row]))
    return filled


def _tokens(columns: Columns) -> list[float]:
    counted, chars = columns.numbers("output_tokens"), columns.numbers("output_chars")
    return [
        length / CHARS_PER_TOKEN if math.isnan(count) else count
        for count, length in zip(counted, chars, strict=True)
    ]


def _can_fit(pairs: Iterable[tuple[float, float]]) -> bool:
    return len({length for length, _ in pairs}) > 1


def fit(pairs: Sequence[tuple[float, float]]) -> Line:
    """The least-squares line through (tokens, seconds) of at least two different lengths."""
    lengths, seconds = np.array(pairs).T
    off = lengths - lengths.mean()
    slope = float(off @ (seconds - seconds.mean()) / (off @ off))
    return Line(float(seconds.mean() - slope * lengths.mean()), slope)
