"""A draw: which queries come when, and apart from that, what each model would answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.evaluation.columns import OutcomesError, read_columns
from agents.evaluation.outcomes import Answers, Asked, Floats, Ints, Outcomes
from agents.evaluation.shifts import Shift
from schemas.query import Query


@dataclass(frozen=True)
class Arrivals:
    """When queries come: as recorded (``recorded_s``), at random, or one per second.

    ``recorded_s``: seconds, in order, at least as many as queries. ``rate``: of a Poisson
    process, per second.
    """

    recorded_s: Floats | None = None
    rate: float | None = None

    def gap_s(self, count: int) -> float:
        """The mean time between ``count`` queries, in seconds."""
        if self.recorded_s is not None:
            used = self.recorded_s[:count]
            return float((used[-1] - used[0]) / (count - 1)) if count > 1 else 1.0
        return 1.0 if self.rate is None else 1 / self.rate

    def times(self, count: int, random: np.random.Generator) -> Ints:
        """When each of ``count`` queries comes, in milliseconds after the first."""
        if self.recorded_s is not None:
            seconds = self.recorded_s[:count] - self.recorded_s[0]
        elif self.rate is not None:
            gaps = random.exponential(1 / self.rate, count)
            seconds = np.cumsum(gaps) - gaps[0]
        else:
            seconds = np.arange(count, dtype=np.float64)
        return np.asarray(np.rint(seconds * 1000), dtype=np.int64)


def read_arrivals(path: Path, count: int) -> Arrivals:
    """The arrival times in a Parquet or CSV file: column ``t_s``, seconds, in any order.

    Raises:
        OutcomesError: not such a file, too few of them, or all at once.
    """
    columns = read_columns(path, ["t_s"], [])
    times = np.sort(np.array(columns.numbers("t_s")))
    if np.isnan(times).any():
        raise columns.error("t_s is missing", int(np.argmax(np.isnan(columns.numbers("t_s")))))
    if len(times) < count:
        raise OutcomesError(f"{path}: has {len(times)} arrivals, but there are {count} queries")
    if count > 1 and times[count - 1] <= times[0]:
        raise OutcomesError(f"{path}: the first {count} arrivals are all at once")
    return Arrivals(recorded_s=times)


@dataclass(frozen=True)
class Draw:
    """One seed's queries in order, and what is known to nobody until a model is chosen.

    ``tasks``: the index of each query's task. ``shifted``: the positions, from first to one past
    the last, at which the shifted world answers.
    """

    seed: int
    asked: tuple[Asked, ...]
    asked_at: Ints
    tasks: Ints
    answers: Answers
    shifted: tuple[int, int]

    def queries(self) -> Iterator[tuple[int, Query]]:
        """Each query as the router sees it: an id of the draw's own, task and text; and when."""
        for number, (asked, at) in enumerate(zip(self.asked, self.asked_at.tolist(), strict=True)):
            query_id = f"{self.seed}-{number}"
            yield at, Query(query_id=query_id, task=asked.task, prompt=asked.prompt)


def draw(outcomes: Outcomes, shift: Shift | None, arrivals: Arrivals, seed: int) -> Draw:
    """The seed's draw: all queries once, in random order.

    While another file's outcomes are in force its queries are asked, in the very same order if
    they are the same queries.
    """
    random = np.random.default_rng(seed)
    count = len(outcomes.keys)
    order = random.permutation(count)
    begins, ends = shifted_positions(shift, count)
    asked = [outcomes.asked[row] for row in order]
    answers = outcomes.answers.rows(order)
    if shift is not None:
        world = shift.realised(outcomes, random)
        same = world.keys == outcomes.keys
        rows = order if same else _stretched(random.permutation(len(world.keys)), count)
        asked[begins:ends] = [world.asked[row] for row in rows[begins:ends]]
        answers = _spliced(answers, world.answers.rows(rows), begins, ends)
    numbered = {task: number for number, task in enumerate(outcomes.tasks)}
    return Draw(
        seed=seed,
        asked=tuple(asked),
        asked_at=arrivals.times(count, random),
        tasks=np.array([numbered[one.task] for one in asked]),
        answers=answers,
        shifted=(begins, ends),
    )


def shifted_positions(shift: Shift | None, count: int) -> tuple[int, int]:
    """From which query to before which the shift is in force."""
    if shift is None:
        return count, count
    begins = round(shift.at * count)
    return begins, max(begins, round(shift.restore_at * count))


def _stretched(rows: Ints, count: int) -> Ints:
    """As many as ``count``, from the beginning again where there are fewer."""
    return rows[np.arange(count) % len(rows)]


def _spliced(before: Answers, during: Answers, begins: int, ends: int) -> Answers:
    def one(outer: Floats, inner: Floats) -> Floats:
        return np.concatenate([outer[:begins], inner[begins:ends], outer[ends:]])

    return Answers(
        one(before.correct, during.correct),
        one(before.latency_s, during.latency_s),
        one(before.cost_usd, during.cost_usd),
    )
