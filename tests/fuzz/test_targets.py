"""Every target on its corpus and seeds, on hypothesis's inputs, and some on atheris's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import run
from tests.fuzz.kept import CORPUS, inputs
from tests.fuzz.registry import TARGETS, WEIGHTS
from tests.fuzz.target import Target, TooSlowError

ROOT = Path(__file__).resolve().parents[2]
LARGEST_CORPUS_BYTES = 1_000_000


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_and_the_seeds(name: str) -> None:
    target = TARGETS[name]
    kept = [path.read_bytes() for path in inputs(name)]
    for data in (*target.seeds(), *kept, b""):
        target.check(data)


SLOW = {"tuner", "http-bodies", "http-raw", "overrides", "settings"}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes(name: str) -> None:
    @settings(max_examples=10 if name in SLOW else 60, deadline=None, database=None)
    @given(st.binary(max_size=400) | st.lists(st.integers(0, 9), max_size=60).map(bytes))
    def check(data: bytes) -> None:
        TARGETS[name].check(data)

    check()


def test_the_corpus_is_small_and_of_targets_that_there_are() -> None:
    folders = [path for path in CORPUS.iterdir() if path.is_dir()]
    assert {path.name for path in folders} <= set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) < LARGEST_CORPUS_BYTES
    assert set(WEIGHTS) == set(TARGETS)


def test_an_error_that_is_not_documented_and_a_slow_input_are_findings() -> None:
    def fail(_: bytes) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        Target("t", fail, (ValueError,)).check(b"")
    Target("t", fail, (KeyError,)).check(b"")
    with pytest.raises(TooSlowError):
        Target("t", lambda _: sum(range(10_000)), slowest_s=0.0).check(b"")  # type: ignore[arg-type]


needs_atheris = pytest.mark.skipif(find_spec("atheris") is None, reason="no atheris here")
GUIDED = ("wire", "router", "graders")


@needs_atheris
def test_a_run_guided_by_coverage(tmp_path: Path) -> None:
    chosen = [argument for name in GUIDED for argument in ("--target", name)]
    command = [sys.executable, "-m", "tests.fuzz.run", "--inputs", "3000", "--json", *chosen]
    command += ["--corpus", str(tmp_path / "corpus"), "--found", str(tmp_path / "found")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    outcomes = json.loads(done.stdout)
    assert [one["target"] for one in outcomes] == list(GUIDED)
    assert sum(one["inputs"] for one in outcomes) >= 3000
    for one in outcomes:
        assert one["coverage"] > one["first_coverage"], one


def test_a_python_without_atheris_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "find_spec", lambda _: None)
    assert run.main(["--inputs", "1"]) == 2
    assert "has no atheris" in capsys.readouterr().err
