"""Choices that are made beforehand: at random, or knowing every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from agents.comparison.router import Answer
from agents.evaluation.draws import Draw
from agents.evaluation.outcomes import Floats
from schemas.query import Query

Columns = Sequence[int]
"""The model's index in the outcomes, by query in the order of the draw."""


class Fixed:
    """Follows a list; learns nothing."""

    def __init__(self, models: Iterator[str]) -> None:
        self._models = models

    async def reach(self, _: int, /) -> None:
        """Time changes nothing."""

    async def choose(self, _: Query, /) -> str:
        """The next of the list."""
        return next(self._models)

    async def learn(self, _: Answer, /) -> None:
        """What was answered changes nothing."""


def following(models: Sequence[str], plan: Callable[[Draw], Columns]) -> Callable[[Draw], Fixed]:
    """A router that follows the plan made for a draw."""
    return lambda draw: Fixed(models[column] for column in plan(draw))


def uniform(draw: Draw) -> Columns:
    """Each candidate of the query's task with the same chance, by the draw's seed."""
    keys = np.random.default_rng([draw.seed, 1]).random(draw.answers.correct.shape)
    return _first_best(np.where(np.isnan(draw.answers.correct), np.nan, keys))


def best_single(draw: Draw) -> Columns:
    """The model with the best mean grade, among the candidates of every task."""
    correct = draw.answers.correct
    means = np.where(np.isnan(correct).any(axis=0), np.nan, correct.mean(axis=0))
    return [int(np.nanargmax(means))] * len(correct)


def has_best_single(correct: Floats) -> bool:
    """Whether any model is a candidate of every task."""
    return bool((~np.isnan(correct)).all(axis=0).any())


def best_per_task(draw: Draw) -> Columns:
    """Each task's model with the best mean grade."""
    correct = draw.answers.correct
    best = {
        task: int(np.nanargmax(correct[draw.tasks == task].sum(axis=0)))
        for task in set(draw.tasks.tolist())
    }
    return [best[task] for task in draw.tasks.tolist()]


def oracle(draw: Draw) -> Columns:
    """Each query's best answer; of equally good ones the first model's by name."""
    return _first_best(draw.answers.correct)


def _first_best(values: Floats) -> Columns:
    columns: list[int] = np.nanargmax(values, axis=1).tolist()
    return columns
