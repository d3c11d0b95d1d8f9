"""``order``: of an embedding query's inputs, the first is nearest to the second.

A triplet test (Schroff, Kalenichenko, Philbin 2015): the inputs are an anchor, a text that is
alike, and one or more that are not. It needs no reference vectors, so it holds in any space.
"""

from __future__ import annotations

import numpy as np

from agents.graders.grade import GradeError
from schemas.query import Reference
from schemas.response import Response

FEWEST_ROWS = 3


def grade(response: Response, reference: Reference) -> float:
    """The share of the other rows that are farther from row 0 than row 1 is, by cosine.

    Rows that can't be compared (of different lengths, or all zero) are the model's fault: 0.
    """
    rows = response.embeddings or []
    if len(rows) < FEWEST_ROWS:
        raise GradeError(f"reference.kind {reference.kind!r} needs an input of at least 3 texts")
    if len({len(row) for row in rows}) > 1:
        return 0.0
    vectors = np.asarray(rows, dtype=np.float64)
    largest = np.abs(vectors).max(axis=1, initial=0.0, keepdims=True)
    if not largest.all():
        return 0.0
    vectors = vectors / largest  # the squares of very large or small numbers would not fit
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors[1:] @ vectors[0]
    return float(np.mean(cosines[1:] < cosines[0]))
