"""What a shift does to the outcomes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.evaluation.columns import OutcomesError
from agents.evaluation.outcomes import read_outcomes
from agents.evaluation.shifts import Shift, parse_shift
from tests.agents.evaluation.recorded import outcomes, steady, write_csv

WORLD = outcomes(
    {"x": steady(1000, a=0.8, b=0.5), "y": steady(1000, a=0.5, b=0.5), "z": {"b": [1.0]}},
    {"a": 2.0, "b": 3.0},
)


def parsed(text: str, at: float = 0.5, restore_at: float | None = None) -> Shift:
    """A shift of that world."""
    return parse_shift(text, WORLD, at, restore_at, impute=False)


@pytest.mark.parametrize(
    ("points", "means"), [(-0.4, (0.4, 0.1)), (-0.6, (0.2, 0.0)), (0.3, (1.0, 0.8))]
)
def test_a_model_made_worse_or_better_in_each_task(
    points: float, means: tuple[float, float]
) -> None:
    shift = Shift(at=0.5, restore_at=0.8, model="a", points=points)
    expected = shift.expected(WORLD).answers
    drawn = shift.realised(WORLD, np.random.default_rng(1)).answers
    for task, mean in zip("xy", means, strict=True):
        rows = WORLD.rows_of(task)
        assert expected.correct[rows, 0].mean() == pytest.approx(mean)
        assert drawn.correct[rows, 0].mean() == pytest.approx(mean, abs=0.05)
        assert set(drawn.correct[rows, 0].tolist()) <= {0.0, 1.0}
    changed = drawn.correct[:2000, 0] - WORLD.answers.correct[:2000, 0]
    assert (changed * points >= 0).all()  # only right ones turn wrong, or only wrong ones right
    assert (drawn.correct[:, 1] == WORLD.answers.correct[:, 1]).all()
    assert np.isnan(drawn.correct[2000, 0])  # still no candidate of z


def test_a_model_made_slower() -> None:
    shift = parsed("a:x9")
    found = shift.realised(WORLD, np.random.default_rng(1)).answers
    assert found.latency_s[0].tolist() == [18.0, 3.0]
    assert (found.correct[:2000] == WORLD.answers.correct[:2000]).all()
    assert WORLD.answers.latency_s[0].tolist() == [2.0, 3.0]


def test_a_named_model_recovers_unless_told_otherwise() -> None:
    shift = parsed("a:-0.4")
    assert (shift.model, shift.points, shift.at, shift.restore_at) == ("a", -0.4, 0.5, 0.8)
    assert parsed("a:-.4", restore_at=1.0).restore_at == 1.0
    assert parsed("a:+0.1", at=0.9).restore_at == 1.0


def test_a_model_whose_name_has_a_colon() -> None:
    world = outcomes({"x": {"a:7b": [1.0], "b": [1.0]}})
    assert parse_shift("a:7b:-0.1", world, 0.5, None, impute=False).model == "a:7b"


def test_another_file_stays(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "2.csv", [("t", "1", "a", 1), ("t", "1", "b", 0)])
    world = read_outcomes(path)
    shift = parse_shift(str(path), world, 0.5, None, impute=False)
    assert shift.restore_at == 1.0
    assert shift.other is not None
    assert shift.expected(world).keys == world.keys
    fewer = replace(world, candidates={"t": ("a",)})
    with pytest.raises(OutcomesError, match="must have the same tasks and models as"):
        parse_shift(str(path), fewer, 0.5, None, impute=False)


@pytest.mark.parametrize("text", ["nobody:-0.4", "a", "a:", "a:worse", "a:-", "a:x", "nosuch.csv"])
def test_what_is_no_shift(text: str) -> None:
    with pytest.raises(OutcomesError, match="neither a file nor MODEL"):
        parsed(text)


def test_a_restoration_before_the_shift() -> None:
    with pytest.raises(
        OutcomesError, match=r"--restore-at 0\.4 must be later than --shift-at 0\.5"
    ):
        parsed("a:-0.4", restore_at=0.4)
