"""Reading recorded outcomes: what is read, what is left out, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.evaluation.columns import OutcomesError
from agents.evaluation.outcomes import Asked, read_outcomes
from tests.agents.evaluation.recorded import write_csv

GOOD = [
    ("code", "1", "b", 0.25),
    ("code", "1", "a", 1),
    ("code", "2", "a", 0),
    ("code", "2", "b", "true"),
    ("code", "3", "b", 1),
]


def test_csv(tmp_path: Path) -> None:
    found = read_outcomes(write_csv(tmp_path / "o.csv", GOOD))
    assert found.models == ("a", "b")
    assert found.candidates == {"code": ("a", "b")}
    assert found.keys == (("code", "1"), ("code", "2"))
    assert found.answers.correct.tolist() == [[1, 0.25], [0, 1]]
    assert found.left_out == 1  # a has no answer to query 3
    assert found.latency == "none"
    assert np.isnan(found.answers.latency_s).all()


def test_parquet_has_types_and_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "date=2024" / "o.any"
    path.parent.mkdir()
    rows = {
        "task_type": ["chat"] * 2,
        "query_id": [7, 7],
        "model": ["a", "b"],
        "correct": [True, False],
        "latency_s": [0.5, None],
        "prompt": ["why?", "why?"],
        "else": [{"x": 1}, None],
    }
    pq.write_table(pa.table(rows), path)
    found = read_outcomes(path)
    assert found.keys == (("chat", "7"),)
    assert found.asked == (Asked("chat", "why?"),)
    assert found.answers.correct.tolist() == [[1, 0]]
    assert found.latency == "partly recorded"
    with pytest.raises(
        OutcomesError, match=r"objective x needs latency_s, and 1 of 2 .*\(the first: 7, b\)"
    ):
        found.require_latency("objective x")


def test_each_task_has_its_own_candidates(tmp_path: Path) -> None:
    rows = [("code", "1", "a", 1), ("code", "1", "b", 1), ("embed", "1", "e", 1)]
    found = read_outcomes(write_csv(tmp_path / "o.csv", rows))
    assert found.candidates == {"code": ("a", "b"), "embed": ("e",)}
    assert found.left_out == 0
    assert np.isnan(found.answers.correct).tolist() == [[False, False, True], [True, True, False]]
    assert found.rows_of("embed").tolist() == [1]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([("t", "1", "a", 1.5)], "row 1: correct must be from 0 to 1; got '1.5'"),
        ([("t", "1", "a", "yes")], "row 1: correct must be from 0 to 1; got 'yes'"),
        ([("t", "1", "a", "nan")], "row 1: correct must be from 0 to 1; got 'nan'"),
        ([("t", "1", "a", 1), ("t", "1", "b", "")], "row 2: correct is missing"),
        ([("t", "1", "a", 1), ("t", "", "b", 1)], "row 2: query_id is missing"),
        (
            [("t", "1", "a", 1), ("t", "1", "a", 0)],
            "row 2: a's answer to 1 is there already, in row 1",
        ),
        ([("t", "1", "a", 1), ("t", "2", "b", 1)], "no query of task 't' was answered by all"),
        ([], "has no rows"),
    ],
)
def test_bad_values_are_refused_with_their_row(
    tmp_path: Path, rows: list[tuple[object, ...]], problem: str
) -> None:
    path = write_csv(tmp_path / "o.csv", rows)
    with pytest.raises(OutcomesError) as refused:
        read_outcomes(path)
    assert str(refused.value).startswith(f"{path}: {problem}")


@pytest.mark.parametrize("value", ["-1", "inf", "soon"])
def test_a_bad_latency_is_refused(tmp_path: Path, value: str) -> None:
    heading = "task_type,query_id,model,correct,latency_s"
    path = write_csv(tmp_path / "o.csv", [("t", "1", "a", 1, value)], heading)
    with pytest.raises(OutcomesError, match="row 1: latency_s must be a number that is not neg"):
        read_outcomes(path)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "o.csv", [("t", 1)], "task_type,correct")
    with pytest.raises(OutcomesError, match="the columns are missing: query_id, model; needed are"):
        read_outcomes(path)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 or not", b"\xff\xfe,\n1,2,3\n"])
def test_what_is_no_file_of_outcomes_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "o"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OutcomesError, match=r"o: (can't be read|the columns are missing)"):
        read_outcomes(path)
    with pytest.raises(OutcomesError, match="can't be read"):
        read_outcomes(tmp_path)
