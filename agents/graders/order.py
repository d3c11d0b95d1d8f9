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
    """The share of the other rows that are farther from row 0 than row 1 is, by cosine."""
    rows = np.asarray(response.embeddings or [], dtype=np.float64)
    if rows.ndim != 2 or len(rows) < FEWEST_ROWS:
        raise GradeError(f"reference.kind {reference.kind!r} needs an input of at least 3 texts")
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.all():
        return 0.0
    cosines = (rows[1:] @ rows[0]) / (lengths[1:] * lengths[0])
    return float(np.mean(cosines[1:] < cosines[0]))
