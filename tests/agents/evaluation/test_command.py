"""``zeta evaluate`` as people and scripts use it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.cli import app
from tests.agents.evaluation.recorded import write_csv

KEYS = {
    "policy", "objective", "queries", "left_out", "latency", "seeds", "windows",
    "accuracy", "accuracy_se", "accuracy_last_two_thirds", "last_two_thirds_of_best",
    "best_single", "best_per_task", "oracle", "uniform", "rules_published", "switch_rate",
    "bad_switch_rate", "largest_share", "elapsed_s",
}  # fmt: skip
SHIFT_KEYS = {
    "leave_pairs", "leave_windows_median", "leave_windows_p90", "found_again_pairs",
    "found_again_share", "found_again_windows_median",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no zeta.toml."""
    monkeypatch.chdir(tmp_path)


def evaluate(*arguments: str, before: tuple[str, ...] = ()) -> Result:
    """Runs the command."""
    return CliRunner().invoke(app, [*before, "evaluate", *arguments])


def lines(result: Result) -> list[dict[str, Any]]:
    """Its lines of JSON, and nothing else on standard output."""
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_sample_is_the_default_and_is_called_synthetic() -> None:
    result = evaluate("--seeds", "1")
    assert result.exit_code == 0, result.stderr
    assert "outcomes-sample.csv (synthetic): 3 tasks, 4 models" in result.stdout
    assert (
        "600 queries, 0 left out; 1 seeds; objective balanced; latency: recorded" in result.stdout
    )


def test_json_has_a_line_per_policy_with_every_key() -> None:
    found = lines(
        evaluate("--policy", "seed,static", "--policy", "greedy", "--seeds", "2", "--json")
    )
    assert [one["policy"] for one in found] == ["seed", "static", "greedy"]
    assert all(set(one) == KEYS for one in found)
    assert found[0]["uniform"] == found[1]["uniform"]
    assert found[0]["seeds"] == 2


def test_json_of_a_shift() -> None:
    (found,) = lines(evaluate("--shift", "large-32b:-0.4", "--seeds", "2", "--json"))
    assert set(found) == KEYS | SHIFT_KEYS
    assert found["found_again_pairs"] > 0


def test_the_same_seeds_the_same_figures() -> None:
    def figures(*arguments: str) -> dict[str, Any]:
        (found,) = lines(evaluate("--json", *arguments))
        return {**found, "elapsed_s": 0}

    one = figures("--seeds", "2")
    assert figures("--seeds", "2") == one
    assert figures("--seeds", "2", "--first-seed", "7") != one


def test_settings_hold() -> None:
    (found,) = lines(
        evaluate(
            "--json",
            "--seeds",
            "1",
            before=("--set", "routing.policy=static", "--set", "windows.panes=1"),
        )
    )
    assert found["policy"] == "static"
    assert found["rules_published"] == 3 + 3 * 7


def test_several_policies_side_by_side() -> None:
    header = evaluate("--policy", "seed,static", "--seeds", "1").stdout.splitlines()[2]
    assert header.index("seed") < header.index("static")


def test_impute_is_asked_for_and_told(tmp_path: Path) -> None:
    rows = [
        ("t", f"{n}", model, n % 2, "" if n > 5 else 0.1 * n + 1, 10 * n + 1)
        for n in range(12)
        for model in "ab"
    ]
    heading = "task_type,query_id,model,correct,latency_s,output_tokens"
    path = str(write_csv(tmp_path / "o.csv", rows, heading))
    refused = evaluate("--outcomes", path, "--objective", "inverse-latency")
    assert refused.exit_code == 2
    assert refused.stderr.startswith(
        f"zeta: {path}: objective inverse-latency needs latency_s, and 12 of 24"
    )
    assert "give --impute, or --objective accuracy" in refused.stderr
    (found,) = lines(evaluate("--outcomes", path, "--impute", "--json", "--seeds", "1"))
    assert found["latency"] == "imputed"
    (found,) = lines(
        evaluate("--outcomes", path, "--objective", "accuracy", "--json", "--seeds", "1")
    )
    assert found["latency"] == "partly recorded"
    assert found["accuracy_se"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--policy", "best"), "no policy 'best'; one of"),
        (("--objective", "speed"), "no objective 'speed'; one of"),
        (("--seeds", "0"), "--seeds"),
        (("--nonsense",), "--nonsense"),
        (("--outcomes", "none.csv"), "none.csv: can't be read: No such file"),
        (("--shift", "nobody:-0.4"), "--shift nobody:-0.4: neither"),
        (("--poisson", "1", "--arrivals", "a.csv"), "--arrivals and --poisson: give one"),
        (("--arrivals", "a.csv"), "a.csv: can't be read"),
    ],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...], said: str) -> None:
    result = evaluate(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", "").split())
    assert result.stdout == ""


def test_poisson_and_recorded_arrivals(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [(0.5 * n,) for n in range(600)], "t_s")
    (evenly,) = lines(evaluate("--arrivals", str(path), "--seeds", "1", "--json"))
    (plain,) = lines(evaluate("--seeds", "1", "--json"))
    assert {**evenly, "elapsed_s": 0} == {**plain, "elapsed_s": 0}
    (poisson,) = lines(evaluate("--poisson", "3", "--seeds", "1", "--json"))
    assert poisson["queries"] == 600
    assert poisson["accuracy"] != plain["accuracy"]


def test_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "p.png"
    result = evaluate("--seeds", "1", "--policy", "static,greedy", "--plot", str(path))
    assert result.exit_code == 0, result.stderr
    assert path.read_bytes().startswith(b"\x89PNG")
    refused = evaluate("--seeds", "1", "--plot", str(tmp_path / "no" / "p.png"))
    assert refused.exit_code == 1
    assert "can't be written" in refused.stderr


def test_a_picture_without_matplotlib_is_refused_before_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = evaluate("--plot", "p.png")
    assert result.exit_code == 1
    assert "--plot needs matplotlib: pip install '.[bench]'" in result.stderr
