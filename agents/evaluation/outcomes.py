"""Recorded outcomes: what each model would have answered to each query, and how well.

One row per (query, model). Columns: ``task_type``, ``query_id``, ``model``, ``correct`` (0 to 1,
may be a fraction); optional ``latency_s``, ``output_tokens``, ``output_chars``, ``cost_usd`` (of
the answer), ``prompt`` (of the query). Others are ignored. A task's candidates are the models
that have a row for it; a query that one of them didn't answer is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.columns import Columns, OutcomesError, read_columns
from agents.evaluation.imputing import impute_latency_s

REQUIRED = ("task_type", "query_id", "model", "correct")
OPTIONAL = ("latency_s", "output_tokens", "output_chars", "cost_usd", "prompt")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Key = tuple[str, str]
"""A query's: its task and its id."""


@dataclass(frozen=True)
class Asked:
    """What a router may know of a query."""

    task: str
    prompt: str


@dataclass(frozen=True)
class Answers:
    """What models would answer: one row per query, one column per model.

    ``correct`` is NaN where the model is no candidate for the query's task, ``latency_s``
    (seconds) and ``cost_usd`` where they are not known.
    """

    correct: Floats
    latency_s: Floats
    cost_usd: Floats

    def rows(self, chosen: Ints) -> Answers:
        """The answers to these queries, in this order."""
        return Answers(self.correct[chosen], self.latency_s[chosen], self.cost_usd[chosen])


@dataclass(frozen=True)
class Outcomes:
    """Queries, in order of task and id, and every candidate's answer to each."""

    file: str
    models: tuple[str, ...]
    candidates: Mapping[str, tuple[str, ...]]
    keys: tuple[Key, ...]
    asked: tuple[Asked, ...]
    answers: Answers
    left_out: int
    latency: str
    """``recorded``, ``imputed`` (some or all of it), ``partly recorded`` or ``none``."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(self.candidates)

    def rows_of(self, task: str) -> Ints:
        """The indices of a task's queries."""
        return np.array([n for n, key in enumerate(self.keys) if key[0] == task], dtype=np.int64)

    def require_latency(self, reason: str) -> None:
        """Refuses outcomes without a response time, which ``reason`` needs.

        Raises:
            OutcomesError: names the first such answer, and the ways out.
        """
        known = ~np.isnan(self.answers.correct)
        missing = np.argwhere(known & np.isnan(self.answers.latency_s))
        if len(missing):
            row, column = missing[0]
            raise OutcomesError(
                f"{self.file}: {reason} needs latency_s, and {len(missing)} of {known.sum()} rows "
                f"have none (the first: {self.keys[row][1]}, {self.models[column]}): "
                "give --impute, or --objective accuracy"
            )


def read_outcomes(path: Path, *, impute: bool = False) -> Outcomes:
    """The outcomes in a Parquet or CSV file.

    Args:
        path: the file.
        impute: fill in response times that are missing (``agents.evaluation.imputing``).

    Raises:
        OutcomesError: a column is missing, a value is bad, a row is there twice, no query has
            every candidate's answer, or nothing to impute from; names the row.
    """
    columns = read_columns(path, REQUIRED, OPTIONAL)
    tasks, models = columns.texts("task_type"), columns.texts("model")
    keys = list(zip(tasks, columns.texts("query_id"), strict=True))
    candidates = {
        task: tuple(sorted({m for t, m in zip(tasks, models, strict=True) if t == task}))
        for task in sorted(set(tasks))
    }
    answers = _answers_by_query(columns, keys, models)
    whole = sorted(key for key, rows in answers.items() if len(rows) == len(candidates[key[0]]))
    for task in candidates:
        if not any(key[0] == task for key in whole):
            raise columns.error(f"no query of task {task!r} was answered by all of its models")
    names = tuple(sorted(set(models)))
    prompts = columns.optional_texts("prompt")
    latency_s = columns.numbers("latency_s")
    label = _label(latency_s)
    if impute and label != "recorded":
        latency_s, label = impute_latency_s(columns, models, latency_s), "imputed"
    return Outcomes(
        file=columns.file,
        models=names,
        candidates=candidates,
        keys=tuple(whole),
        asked=tuple(Asked(key[0], _prompt(answers[key], prompts)) for key in whole),
        answers=Answers(
            _table(whole, names, answers, _correct(columns)),
            _table(whole, names, answers, latency_s),
            _table(whole, names, answers, columns.numbers("cost_usd")),
        ),
        left_out=len(answers) - len(whole),
        latency=label,
    )


def _answers_by_query(
    columns: Columns, keys: Sequence[Key], models: Sequence[str]
) -> dict[Key, dict[str, int]]:
    """The row of each query's answer by each model."""
    answers: dict[Key, dict[str, int]] = {}
    for row, (key, model) in enumerate(zip(keys, models, strict=True)):
        first = answers.setdefault(key, {}).setdefault(model, row)
        if first != row:
            raise columns.error(
                f"{model}'s answer to {key[1]} is there already, in row {first + 1}", row
            )
    return answers


def _prompt(rows: Mapping[str, int], prompts: Sequence[str]) -> str:
    return next((prompts[row] for row in rows.values() if prompts[row]), "")


def _correct(columns: Columns) -> list[float]:
    found = columns.numbers("correct", most=1.0)
    for row, value in enumerate(found):
        if math.isnan(value):
            raise columns.error("correct is missing", row)
    return found


def _label(latency_s: Sequence[float]) -> str:
    missing = sum(map(math.isnan, latency_s))
    if missing == 0:
        return "recorded"
    return "none" if missing == len(latency_s) else "partly recorded"


def _table(
    keys: Sequence[Key],
    models: Sequence[str],
    answers: Mapping[Key, Mapping[str, int]],
    values: Sequence[float],
) -> Floats:
    """Values by query and model, NaN where there is no row."""
    numbered = {model: column for column, model in enumerate(models)}
    table = np.full((len(keys), len(models)), np.nan)
    for number, key in enumerate(keys):
        for model, row in answers[key].items():
            table[number, numbered[model]] = values[row]
    return table
