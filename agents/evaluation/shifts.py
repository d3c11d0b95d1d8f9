"""A world that changes in mid-run: other outcomes, or one model made worse, better or slower."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.columns import OutcomesError
from agents.evaluation.outcomes import Answers, Floats, Outcomes, read_outcomes

RECOVERY = 0.8
_CHANGE = re.compile(r"(?P<points>[+-]\d*\.?\d+)|x(?P<slower>\d*\.?\d+)")


@dataclass(frozen=True)
class Shift:
    """From ``at`` to ``restore_at`` (shares of the queries; 1: to the end) things are otherwise.

    Either ``other`` takes the outcomes' place, or the named model's mean grade changes by
    ``points`` in each task and its response times by the factor ``slower``.
    """

    at: float
    restore_at: float
    other: Outcomes | None = None
    model: str | None = None
    points: float = 0.0
    slower: float = 1.0

    def expected(self, outcomes: Outcomes) -> Outcomes:
        """The outcomes while it lasts, each grade the mean of what it may become."""
        if self.other is not None:
            return self.other
        return replace(outcomes, answers=self._changed(outcomes, None))

    def realised(self, outcomes: Outcomes, random: np.random.Generator) -> Outcomes:
        """The outcomes while it lasts, in one draw.

        A model made worse by d has each right answer turned wrong with the probability that
        lowers its mean in that task by d (wrong ones turned right, for a better one); a mean
        stops at 0 and 1.
        """
        if self.other is not None:
            return self.other
        return replace(outcomes, answers=self._changed(outcomes, random))

    def _changed(self, outcomes: Outcomes, random: np.random.Generator | None) -> Answers:
        assert self.model is not None
        column = outcomes.models.index(self.model)
        correct, latency_s = outcomes.answers.correct.copy(), outcomes.answers.latency_s.copy()
        latency_s[:, column] *= self.slower
        for task in outcomes.tasks:
            if self.model in outcomes.candidates[task]:
                rows = outcomes.rows_of(task)
                correct[rows, column] = self._regraded(correct[rows, column], random)
        return Answers(correct, latency_s, outcomes.answers.cost_usd)

    def _regraded(self, grades: Floats, random: np.random.Generator | None) -> Floats:
        towards = 1.0 if self.points > 0 else 0.0
        room = abs(towards - grades.mean())
        rate = min(1.0, abs(self.points) / room) if room > 0 else 0.0
        turned: Floats | NDArray[np.bool_] = np.full(len(grades), rate)
        if random is not None:
            turned = random.random(len(grades)) < rate
        return np.asarray(grades + turned * (towards - grades), dtype=np.float64)


def parse_shift(
    text: str, outcomes: Outcomes, at: float, restore_at: float | None, *, impute: bool
) -> Shift:
    """``MODEL:-0.4`` (points), ``MODEL:x9`` (response times), or another outcomes file.

    Without ``restore_at`` a model recovers at 0.8 (if ``at`` is before that), another file stays.

    Raises:
        OutcomesError: neither; a file with other tasks or models; a restoration before the shift.
    """
    model, _, change = text.rpartition(":")
    match = _CHANGE.fullmatch(change)
    if restore_at is not None and restore_at <= at:
        raise OutcomesError(f"--restore-at {restore_at:g} must be later than --shift-at {at:g}")
    if model in outcomes.models and match:
        return Shift(
            at=at,
            restore_at=_recovery(at) if restore_at is None else restore_at,
            model=model,
            points=float(match["points"] or 0),
            slower=float(match["slower"] or 1),
        )
    if not Path(text).is_file():
        known = ", ".join(outcomes.models)
        raise OutcomesError(
            f"--shift {text}: neither a file nor MODEL:-0.4 or MODEL:x9; models are {known}"
        )
    other = read_outcomes(Path(text), impute=impute)
    if other.candidates != outcomes.candidates:
        raise OutcomesError(f"{text}: must have the same tasks and models as {outcomes.file}")
    return Shift(at=at, restore_at=1.0 if restore_at is None else restore_at, other=other)


def _recovery(at: float) -> float:
    return RECOVERY if at < RECOVERY else 1.0
