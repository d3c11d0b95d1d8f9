"""``zeta bench routing`` as people and scripts use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.commands.bench import bench
from agents.commands.context import Context
from agents.comparison.entrants import MAKERS
from tests.agents.evaluation.recorded import write_csv

ROW = {
    "router", "feedback", "seeds", "accuracy", "accuracy_se", "behind", "behind_se",
    "accuracy_last_two_thirds", "last_two_thirds_of_best", "largest_share", "response_time_s",
    "decision_us", "learning_us",
}  # fmt: skip

NO_NETWORK = """
import socket, sys
asked = []
def refuse(name):
    def refused(*arguments, **_):
        asked.append((name, arguments[-2:]))
        raise OSError("no network in this test")
    return refused
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse(name))
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refuse(name))
from agents.commands.bench import bench
from agents.commands.context import Context
bench(sys.argv[1:], obj=Context(), standalone_mode=False)
sys.exit(f"asked for the network: {asked}" if asked else 0)
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no zeta.toml."""
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    """Runs the command."""
    return CliRunner().invoke(bench, ["routing", *arguments], obj=Context())


def small(folder: Path, count: int = 30) -> str:
    """A file of outcomes in which b is better than a, and slower."""
    rows = [
        ("t", f"q{n}", model, int(model == "b"), 1 + (model == "b"))
        for n in range(count)
        for model in "ab"
    ]
    heading = "task_type,query_id,model,correct,latency_s"
    return str(write_csv(folder / "small.csv", rows, heading))


def test_json_has_every_router_on_the_same_queries(tmp_path: Path) -> None:
    result = run("--outcomes", small(tmp_path), "--seeds", "2", "--first-seed", "5", "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    assert [one["router"] for one in found["routers"]] == list(MAKERS)
    assert all(set(one) == ROW for one in found["routers"])
    assert (found["queries"], found["seeds"], found["first_seed"]) == (30, 2, 5)
    assert set(found["versions"]) == {"zeta-router", "litellm"}
    by_name = {one["router"]: one for one in found["routers"]}
    assert by_name["zeta"]["behind"] == 0
    assert by_name["best-single"]["accuracy"] == by_name["oracle"]["accuracy"] == 1
    assert by_name["uniform"]["decision_us"] is None
    assert by_name["litellm-latency"]["response_time_s"] < by_name["oracle"]["response_time_s"]
    assert by_name["litellm-adaptive"]["accuracy"] > by_name["litellm-latency"]["accuracy"]


def test_the_sample_is_the_default_and_is_called_synthetic() -> None:
    result = run("--seeds", "1", "--router", "oracle,uniform")
    assert result.exit_code == 0, result.stderr
    assert "outcomes-sample.csv (synthetic)" in result.stdout
    assert "600 queries, 0 left out; 1 seeds; objective accuracy" in result.stdout
    assert result.stdout.index("│ uniform") < result.stdout.index("│ oracle")


def test_routers_that_cannot_run_are_named_with_the_reason(tmp_path: Path) -> None:
    file = str(write_csv(tmp_path / "o.csv", [("t", "q", "m", 1)]))
    names = "zeta,zeta-seed"
    result = run("--outcomes", file, "--seeds", "1", "--router", names, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert [one["router"] for one in found["routers"]] == ["zeta"]
    assert list(found["not_run"]) == ["zeta-seed"]


def test_wrong_usage_exits_2(tmp_path: Path) -> None:
    assert run("--router", "oracle,nobody").exit_code == 2
    assert run("--outcomes", str(tmp_path / "none.csv")).exit_code == 2


def test_a_missing_library_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litellm", None)
    result = run("--router", "litellm-shuffle")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "pip install -e '.[bench]'" in result.stderr


def test_it_asks_for_no_network(tmp_path: Path) -> None:
    arguments = ["routing", "--outcomes", small(tmp_path, 10), "--seeds", "1", "--json"]
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NO_NETWORK, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["routers"]) == len(MAKERS)
