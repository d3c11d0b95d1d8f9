from __future__ import annotations

import pytest

from agents.graders.embedding import grade
from agents.graders.grade import GradeError
from schemas.query import Reference
from schemas.response import Response


def graded(rows: list[list[float]] | None, value: object, tolerance: float | None = None) -> float:
    response = Response(query_id="q", answered_at=0, embeddings=rows)
    return grade(response, Reference(kind="embedding", value=value, tolerance=tolerance))


@pytest.mark.parametrize(
    ("row", "accuracy"),
    [
        ([3.0, 4.0], 1.0),
        ([30.0, 40.0], 1.0),
        ([4.0, 3.0], 0.96),
        ([4.0, -3.0], 0.0),
        ([-3.0, -4.0], 0.0),
        ([0.0, 0.0], 0.0),
    ],
)
def test_is_the_cosine_and_never_negative(row: list[float], accuracy: float) -> None:
    assert graded([row], [3, 4]) == pytest.approx(accuracy)
    assert 0 <= graded([row], [3, 4]) <= 1


def test_grades_the_first_row() -> None:
    assert graded([[0.0, 1.0], [1.0, 0.0]], [1, 0]) == 0


@pytest.mark.parametrize(("least", "accuracy"), [(0.95, 1), (0.97, 0), (0.0, 1)])
def test_a_tolerance_is_the_lowest_cosine_that_is_right(least: float, accuracy: float) -> None:
    assert graded([[4.0, 3.0]], [3, 4], tolerance=least) == accuracy


@pytest.mark.parametrize("rows", [None, [], [[]], [[1.0]], [[1.0, 2.0, 3.0]]])
def test_refuses_another_dimension(rows: list[list[float]] | None) -> None:
    with pytest.raises(GradeError, match="2 dimensions"):
        graded(rows, [3, 4])


@pytest.mark.parametrize(
    "value", [None, "3,4", [], ["3", "4"], [True, False], [[3, 4]], [0, 0], [1.0, float("nan")]]
)
def test_refuses_what_is_no_vector(value: object) -> None:
    with pytest.raises(GradeError, match="list of finite numbers"):
        graded([[3.0, 4.0]], value)
