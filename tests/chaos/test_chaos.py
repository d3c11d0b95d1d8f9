"""The short form of the chaos run: one seed, a fault of most kinds (docs/reliability.md)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.plan import SHORT
from tests.chaos.processes import ROOT, clean_environment, die_with_parent

SEED = 1
WITHIN_S = 400.0


@pytest.mark.timeout(WITHIN_S + 20)
def test_nothing_is_lost_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    """As a process of its own, so that the archive's small disk is in a namespace of its own."""
    file = tmp_path / "chaos.json"
    command = [sys.executable, "-m", "tests.chaos", "--short", "--seed", str(SEED)]
    done = subprocess.run(
        [*command, "--json", str(file), "--keep", str(tmp_path / "kept")],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
        check=False,
        preexec_fn=die_with_parent,
    )
    assert done.returncode == 0, done.stdout
    (result,) = json.loads(file.read_text())
    counts = {line["name"]: line["value"] for line in result["lines"]}
    assert counts["answered"] == counts["queries asked"] > 0.9 * SHORT.queries
    assert counts["metrics"] >= counts["answered"], "the count itself counts"
    assert counts["processes killed"] >= 6
    assert counts["brokers killed"] >= 1
    assert counts["rules compared byte for byte"] > 0
    assert counts["records archived"] >= counts["records on the broker"] > counts["metrics"]
