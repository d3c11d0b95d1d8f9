"""``embedding``: how near the answer's vector is to the reference's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.graders.grade import GradeError
from schemas.query import Reference
from schemas.response import Response


def _wanted(reference: Reference) -> NDArray[np.float64]:
    value = reference.value
    numbers = isinstance(value, list) and all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in value
    )
    vector = np.asarray(value if numbers else [], dtype=np.float64)
    if not vector.any() or not np.isfinite(vector).all():
        raise GradeError(
            "reference.value of kind 'embedding' must be a list of finite numbers, not all zero"
        )
    return vector


def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of vectors whose squares may not fit; 0 where one of them is all zero."""
    largest = np.abs(one).max(initial=0.0), np.abs(other).max(initial=0.0)
    if not all(largest):
        return 0.0
    first, second = one / largest[0], other / largest[1]
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def grade(response: Response, reference: Reference) -> float:
    """The cosine of the first row to ``reference.value``, 0 where it is negative.

    Opposite counts as unrelated: text models hardly use the negative half, so mapping -1..1 to
    0..1 would give every unrelated answer a half. With a ``tolerance``, the lowest cosine that
    is right: 1 from there on, else 0.

    Raises:
        GradeError: no vector in the reference, or of another dimension than the answer's.
    """
    wanted = _wanted(reference)
    given = np.asarray((response.embeddings or [[]])[0], dtype=np.float64)
    if given.shape != wanted.shape:
        raise GradeError(
            f"reference.value has {wanted.size} dimensions and the answer {given.size}: "
            "a reference vector only fits answers from its own vector space"
        )
    cosine = _cosine(given, wanted) if np.isfinite(given).all() else 0.0
    if reference.tolerance is not None:
        return float(cosine >= reference.tolerance)
    return min(1.0, max(0.0, cosine))
