"""Figures of runs, and the tables that they become."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.benchmarks.figures import machine, over_runs, percentile, ratios, spread
from agents.benchmarks.goals import GOALS, reached
from agents.benchmarks.page import TITLES, cell, number, page, tables
from agents.benchmarks.processes import BenchError
from agents.benchmarks.progress import Progress

RUNS = [{"ours_per_s": 100.0, "bare_per_s": 200.0}, {"ours_per_s": 90.0, "bare_per_s": 100.0}]


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


def test_a_spread() -> None:
    assert spread([3.0, 1.0, 8.0]) == {"median": 3.0, "min": 1.0, "max": 8.0}
    assert over_runs(RUNS)["bare_per_s"] == {"median": 150.0, "min": 100.0, "max": 200.0}


def test_ratios_are_taken_run_by_run() -> None:
    found = ratios(RUNS, "ours_per_s", ["bare_per_s"])
    assert found == {"ratio_to_bare": {"median": 0.7, "min": 0.5, "max": 0.9}}


def test_a_rate_leaves_the_start_out() -> None:
    progress = Progress([(0.0, 0), (5.0, 10), (6.0, 50), (7.0, 100), (9.0, 100)])
    assert progress.rate(100) == 45.0
    assert progress.rate(100, skip=0.5) == 50.0
    with pytest.raises(BenchError, match="too few records"):
        Progress([(0.0, 0), (1.0, 100)]).rate(100)


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346"), (123.4, "123"), (1.2345, "1.23"), (0.01234, "0.0123"), (0, "0")],
)
def test_numbers_have_the_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


def test_cells() -> None:
    assert cell(spread([1.0, 2.0, 4.0])) == "2 (1 to 4)"
    assert cell(1000) == "1,000"
    assert cell("x") == "x"


def test_the_page_names_each_command_and_the_machine() -> None:
    gateway = {"bench": "gateway", "runs": 2, **over_runs(RUNS)}
    rows = [{"metrics": 1000, "metrics_per_s": spread([5.0])}]
    found = page(
        machine({}),
        "zeta bench all",
        "2026-01-01",
        600.0,
        [gateway, {"bench": "scale", "runs": 1, "rows": rows}],
    )
    assert "| ours_per_s | 95 (90 to 100) |" in found
    assert "| 1,000 | 5 (5 to 5) |" in found
    assert "`zeta bench gateway`: runs 2." in found
    assert "on 2026-01-01 in 10 minutes" in found
    assert "cores" in found
    assert tables(gateway) in found


def test_a_goal_without_its_figure_is_an_error() -> None:
    with pytest.raises(ValueError, match="router: no ratio_to_bare_loop"):
        list(reached([{"bench": "router"}]))


def test_goals_are_judged_by_the_worst_row_and_by_medians() -> None:
    def p50(*values: float) -> dict[str, Any]:
        return {"p50_us": spread(values), "p99_us": spread([1.0])}

    rows = [{"models": 3, **p50(9.0, 9.5, 99.0)}, {"models": 3, **p50(3.0)}]
    found: list[dict[str, Any]] = [
        {"bench": "decision", "rows": [*rows, {"models": 100, **p50(51.0)}]},
        {"bench": "router", "ratio_to_bare_loop": spread([0.8])},
    ]
    told = {(row.goal.what, row.median, row.met) for row in reached(found)}
    assert told == {
        ("of the bare loop's records/s", 0.8, True),
        ("us, 3 models, p50", 9.5, True),
        ("us, 3 models, p99", 1.0, True),
        ("us, 100 models, p50", 51.0, False),
    }
    text = page(machine({}), "zeta bench all", "2026-01-01", 60.0, found)
    assert "| decision | us, 100 models, p50 | at most 50 | 51 | **missed** |" in text
    assert "| router | of the bare loop's records/s | at least 0.8 | 0.8 | met |" in text


def test_every_goal_names_a_bench_of_the_page() -> None:
    assert {goal.bench for goal in GOALS} <= set(TITLES)
