"""``order``: triplets of embeddings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.graders.grade import GradeError
from tests.agents.graders.answers import ordered

X, Y, NEAR_X = [1.0, 0.0], [0.0, 1.0], [0.9, 0.1]


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([X, NEAR_X, Y], 1.0),
        ([X, Y, NEAR_X], 0.0),
        ([X, NEAR_X, Y, [1.0, 0.01]], 0.5),
        ([X, X, X], 0.0),
        ([X, [7.0, 0.7], [0.1, 1.0]], 1.0),
        ([X, NEAR_X, [-1.0, 0.0]], 1.0),
        ([X, [0.0, 0.0], Y], 0.0),
        ([[0.0, 0.0], X, Y], 0.0),
        ([X, NEAR_X, [1.0]], 0.0),
        ([[], [], []], 0.0),
        ([[1e300, 0.0], [9e299, 1e299], [0.0, 1e-300]], 1.0),
        ([[1e-300, 0.0], [9e-301, 1e-301], [0.0, 1e300]], 1.0),
    ],
)
def test_order(rows: list[list[float]], grade: float) -> None:
    assert ordered(*rows) == grade


@pytest.mark.parametrize("rows", [[], [X], [X, Y]])
def test_too_few_rows(rows: list[list[float]]) -> None:
    with pytest.raises(GradeError, match="needs an input of at least 3 texts"):
        ordered(*rows)


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=3),
        min_size=3,
        max_size=5,
    )
)
def test_no_vectors_crash_it(rows: list[list[float]]) -> None:
    assert 0 <= ordered(*rows) <= 1
