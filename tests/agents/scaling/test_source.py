"""Measurements as they are read: one's own, completed with what is bundled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.scaling.measured import BENCHES, MeasuredError, measured
from agents.scaling.source import TAKEN, bundled, read, timed

WORKER = {"bench": "worker", "answers_per_s": {"median": 7.0, "min": 1.0, "max": 9.0}}
OWN = {"machine": bundled()["machine"], "elapsed_s": 1.0, "benches": [WORKER]}


def _read(directory: Path, content: object) -> dict[str, Any]:
    file = directory / "bench.json"
    file.write_bytes(msgspec.json.encode(content))
    return read(file)


def test_a_file_is_completed_with_what_is_bundled(tmp_path: Path) -> None:
    found = measured(_read(tmp_path, OWN))
    assert found.worker_per_s == 7.0
    assert found.loop_cpu_ms == measured(bundled()).loop_cpu_ms
    assert found.tuning == measured(bundled()).tuning


def test_what_was_taken_is_named_even_once_it_was_saved(tmp_path: Path) -> None:
    found = _read(tmp_path, OWN)
    assert set(found[TAKEN]) == {*BENCHES, "simulations"} - {"worker"}
    assert _read(tmp_path, found)[TAKEN] == found[TAKEN]


def test_simulations_that_were_run_anew_are_ones_own(tmp_path: Path) -> None:
    found = timed(_read(tmp_path, OWN), {"tuning": []})
    assert found["simulations"] == {"tuning": []}
    assert set(found[TAKEN]) == {*BENCHES} - {"worker"}
    whole = {**bundled(), "simulations": {}}
    assert TAKEN not in timed({**whole, TAKEN: ["simulations"]}, {})


def test_of_a_whole_file_nothing_is_taken(tmp_path: Path) -> None:
    assert _read(tmp_path, bundled()) == bundled()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"benches": 1}', '{"benches": []}', '{"benches": [], "machine": {}}'],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bench.json"
    file.write_text(text)
    with pytest.raises(MeasuredError, match=r"bench\.json.*zeta bench all --json"):
        read(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeasuredError, match=r"bench\.json"):
        read(tmp_path / "bench.json")
