"""Response times from lengths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.evaluation.columns import OutcomesError
from agents.evaluation.imputing import fit
from agents.evaluation.outcomes import read_outcomes
from tests.agents.evaluation.recorded import write_csv

HEADING = "task_type,query_id,model,correct,latency_s,output_tokens,output_chars"


def latencies(tmp_path: Path, *rows: tuple[Any, ...]) -> list[list[float]]:
    """By query and model, imputed."""
    full = [("t", query, model, 1, *rest) for query, model, *rest in rows]
    path = write_csv(tmp_path / "o.csv", full, HEADING)
    found = read_outcomes(path, impute=True)
    assert found.latency == "imputed"
    return [[round(float(value), 6) for value in row] for row in found.answers.latency_s]


def test_a_line_through_points() -> None:
    assert fit([(0, 1), (10, 3)]) == pytest.approx((1, 0.2))
    assert fit([(0, 0), (1, 2), (2, 1)]) == pytest.approx((0.5, 0.5))


def test_each_model_has_its_own_line_and_what_is_recorded_stays(tmp_path: Path) -> None:
    found = latencies(
        tmp_path,
        ("1", "a", 1.0, 100, ""),
        ("2", "a", 2.0, 200, ""),
        ("3", "a", "", 300, 4),
        ("1", "b", 10.0, 100, ""),
        ("2", "b", 30.0, 200, ""),
        ("3", "b", "", "", 600),
    )
    assert found == [[1, 10], [2, 30], [3, 20]]


def test_a_model_without_a_line_takes_that_of_all(tmp_path: Path) -> None:
    found = latencies(
        tmp_path,
        ("1", "a", 1.0, 100, ""),
        ("2", "a", 2.0, 200, ""),
        ("1", "b", "", 150, ""),
        ("2", "b", "", 1, ""),
    )
    assert found == [[1, 1.5], [2, 1.0]]  # never below the shortest


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("t", "1", "a", 1, "", 5, ""), ("t", "2", "a", 1, 2, 5, "")], "nothing to impute from"),
        (
            [
                ("t", "1", "a", 1, 1, 5, ""),
                ("t", "2", "a", 1, 2, 6, ""),
                ("t", "3", "a", 1, "", "", ""),
            ],
            "row 3: latency_s can't be imputed: no output_tokens or output_chars",
        ),
    ],
)
def test_what_cannot_be_imputed(tmp_path: Path, rows: list[Any], problem: str) -> None:
    path = write_csv(tmp_path / "o.csv", rows, HEADING)
    with pytest.raises(OutcomesError, match=problem):
        read_outcomes(path, impute=True)
