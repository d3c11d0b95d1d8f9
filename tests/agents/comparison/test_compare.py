"""The figures, and what is done about missing response times."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.comparison import compare
from agents.comparison.entrants import MAKERS, refusal
from agents.evaluation.columns import OutcomesError
from tests.agents.comparison.helpers import world
from tests.agents.evaluation.recorded import outcomes, settings, write_csv

HEADING = "task_type,query_id,model,correct,latency_s,output_tokens"


def test_a_row_by_hand() -> None:
    first = [_run(accuracy=0.9, decision_us=3.0), _run(accuracy=0.7, decision_us=5.0)]
    own = [_run(accuracy=0.8, decision_us=9.0), _run(accuracy=0.7, decision_us=None)]
    entrant = MAKERS["uniform"](settings(), world(), 4)
    found = compare.row(entrant, own, first)
    assert (found["router"], found["feedback"], found["seeds"]) == ("uniform", "nothing", 2)
    assert found["accuracy"] == pytest.approx(0.75)
    assert found["accuracy_se"] == pytest.approx(0.05)
    assert found["behind"] == pytest.approx(0.05)
    assert found["behind_se"] == pytest.approx(0.05)
    assert found["decision_us"] == 9.0
    assert compare.row(entrant, own[:1], first[:1])["accuracy_se"] is None


def _run(**figures: float | None) -> dict[str, float | None]:
    names = (
        "accuracy_last_two_thirds", "last_two_thirds_of_best", "largest_share",
        "response_time_s", "learning_us",
    )  # fmt: skip
    return {**dict.fromkeys(names, 0.5), **figures}


def test_ours_and_hindsight_on_a_world_that_is_easy() -> None:
    of = world(60)
    accuracy = {
        name: [
            run["accuracy"] or 0.0
            for run in compare.figures_by_seed(MAKERS[name](settings(), of, 16), of, range(2))
        ]
        for name in ("zeta", "zeta-seed", "uniform", "best-single", "best-per-task", "oracle")
    }
    assert accuracy["oracle"] == accuracy["best-per-task"] == accuracy["best-single"] == [1.0, 1.0]
    assert all(0.4 < value < 0.6 for value in accuracy["uniform"])
    assert all(0.8 < value < 1.0 for value in accuracy["zeta"])
    assert all(value < 0.7 for value in accuracy["zeta-seed"])


def test_missing_times_are_imputed_and_counted(tmp_path: Path) -> None:
    rows = [("t", f"q{n}", "m", 1, n or "", 10 * (n + 1)) for n in range(4)]
    found = compare.read_recorded(write_csv(tmp_path / "o.csv", rows, HEADING))
    assert (found.outcomes.latency, found.imputed_share) == ("imputed", 0.25)


def test_times_that_cannot_be_imputed_stay_missing(tmp_path: Path) -> None:
    found = compare.read_recorded(write_csv(tmp_path / "o.csv", [("t", "q", "m", 1)]))
    assert (found.outcomes.latency, found.imputed_share) == ("none", 0.0)
    assert "response times" in refusal("litellm-latency", found.outcomes)
    assert "response times" in refusal("zeta-seed", found.outcomes)
    assert refusal("zeta", found.outcomes) == ""


def test_a_bad_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError, match="row 1: correct must be from 0 to 1"):
        compare.read_recorded(write_csv(tmp_path / "o.csv", [("t", "q", "m", 2)]))


def test_there_may_be_no_best_single() -> None:
    of = outcomes({"code": {"a": [1.0]}, "prose": {"b": [1.0]}}, {"a": 1.0, "b": 1.0})
    assert [name for name in MAKERS if refusal(name, of)] == ["best-single"]
