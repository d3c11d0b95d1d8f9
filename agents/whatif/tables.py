"""Choices as arrays: one table per task, a row per choice, a column per model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.routing import propensities
from agents.whatif.choices import Choice
from agents.whatif.eligibility import Chances, Eligibility
from agents.whatif.worth import Parts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Target(Protocol):
    """What is asked about: weights for each logged decision, from nothing later than it."""

    name: str

    @property
    def tasks(self) -> list[str]:
        """The tasks that it has weights for."""
        ...

    def weights(self, choice: Choice) -> Mapping[str, float] | None:
        """By model, in any unit; None: it says nothing of this decision."""
        ...


class LeftOut(msgspec.Struct, kw_only=True):
    """Choices that aren't in the table.

    Never graded (or timed, where the objective needs that), without usable propensities, made
    before the target had a rule.
    """

    ungraded: int = 0
    no_propensities: int = 0
    no_rule: int = 0


@dataclass(frozen=True)
class Usable:
    """A choice with all that the log must say of it."""

    choice: Choice
    chances: Chances
    parts: Parts


@dataclass(frozen=True)
class Table:
    """One task's choices, in order of time.

    ``chosen``: columns; ``propensity``: the chosen model's; ``logged``: every model's, 0 where it
    wasn't eligible, NaN where nobody knows; ``target``: the target's over the eligible models;
    ``unseen``: the target's weight, as a share, of models that the log never had for the task, by
    model the mean over the rows; ``numerator`` and ``denominator`` as ``agents.whatif.worth``;
    ``keys``: numbers of sessions, over all tasks.
    """

    task: str
    models: tuple[str, ...]
    chosen: Ints
    propensity: Floats
    logged: Floats
    target: Floats
    unseen: Mapping[str, float]
    numerator: Floats
    denominator: Floats
    keys: Ints


@dataclass
class Usables:
    """By task: what can be judged and how much can't; by model [graded, of so many choices]."""

    rows: dict[str, list[Usable]] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    graded: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    def add(self, choice: Choice, parts: Parts, eligibility: Eligibility) -> None:
        """Takes the next choice, in order of time."""
        left_out = self.left_out.setdefault(choice.task, LeftOut())
        tally = self.graded.setdefault(choice.task, {}).setdefault(choice.model, [0, 0])
        rows = self.rows.setdefault(choice.task, [])
        tally[1] += 1
        if math.isnan(parts[0]):
            left_out.ungraded += 1
            return
        tally[0] += 1
        if (chances := eligibility.chances(choice)) is None:
            left_out.no_propensities += 1
        else:
            rows.append(Usable(choice, chances, parts))


def make_table(
    task: str, rows: Sequence[Usable], target: Target, numbers: dict[str, int]
) -> tuple[Table, int]:
    """The table of one task, and of how many rows the target says nothing.

    Args:
        task: its name.
        rows: what can be judged.
        target: what is asked about.
        numbers: of sessions; grows.
    """
    wanted = [(row, weights) for row in rows if (weights := target.weights(row.choice))]
    models = tuple(sorted({name for row, _ in wanted for name in row.chances}))
    columns = {name: column for column, name in enumerate(models)}
    logged, asked = np.zeros((2, len(wanted), len(models)))
    unseen = dict.fromkeys(sorted({n for _, w in wanted for n in w} - set(models)), 0.0)
    for number, (row, weights) in enumerate(wanted):
        for name, chance in row.chances.items():
            logged[number, columns[name]] = chance
        for name, chance in propensities(
            sorted(row.chances), cast(Mapping[str, int], weights)
        ).items():
            asked[number, columns[name]] = chance
        for name in unseen:
            unseen[name] += weights.get(name, 0.0) / sum(weights.values()) / len(wanted)
    choices = [row.choice for row, _ in wanted]
    parts = np.array([row.parts for row, _ in wanted], dtype=np.float64).reshape(-1, 2)
    table = Table(
        task=task,
        models=models,
        chosen=np.array([columns[one.model] for one in choices], dtype=np.int64),
        propensity=np.array([one.propensity for one in choices], dtype=np.float64),
        logged=logged,
        target=asked,
        unseen={name: share for name, share in unseen.items() if share > 0},
        numerator=parts[:, 0],
        denominator=parts[:, 1],
        keys=np.array([numbers.setdefault(one.key, len(numbers)) for one in choices], np.int64),
    )
    return table, len(rows) - len(wanted)
