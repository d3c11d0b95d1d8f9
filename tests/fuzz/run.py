"""``scripts/fuzz``: every target under atheris, and a table of what came of it."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.kept import CORPUS, inputs, keep
from tests.fuzz.registry import TARGETS, WEIGHTS

ROOT = Path(__file__).resolve().parents[2]
FOUND = Path("fuzz-findings")
_DONE = re.compile(r"Done (\d+) runs")
_LINE = re.compile(r"#(\d+)\s+\S+\s+cov: (\d+) ft: (\d+)(?: corp: (\d+)/)?")


@dataclass(frozen=True)
class Outcome:
    """What came of one target. ``coverage`` counts edges of our packages, at first and at last."""

    target: str
    inputs: int
    first_coverage: int
    coverage: int
    corpus: int
    inputs_per_s: float
    findings: list[str]


def shares(names: Sequence[str], total: int) -> dict[str, int]:
    """How many inputs each target gets: the fast ones more."""
    weights = {name: WEIGHTS[name] for name in names}
    return {
        name: max(1, -(-total * weight // sum(weights.values())))
        for name, weight in weights.items()
    }


def fuzz(name: str, count: int, seed: int, corpus: Path, found: Path, *, update: bool) -> Outcome:
    """Runs one target in a process of its own."""
    found.mkdir(parents=True, exist_ok=True)
    before = {path.name for path in found.iterdir()}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "seeds").mkdir()
        (work / "new").mkdir()
        for number, data in enumerate(TARGETS[name].seeds()):
            (work / "seeds" / str(number)).write_bytes(data)
        (corpus / name).mkdir(parents=True, exist_ok=True)
        flags = [
            *(f"-runs={count}", f"-seed={seed}", f"-max_len={TARGETS[name].most_bytes}"),
            *("-timeout=30", "-rss_limit_mb=2048", "-print_final_stats=1"),
            *(f"-artifact_prefix={found}/{name}-", "-reload=0"),
        ]
        folders = [str(work / "new"), str(work / "seeds"), str(corpus / name)]
        command = [sys.executable, "-m", "tests.fuzz.drive", name, str(found), *flags, *folders]
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        took_s = time.monotonic() - started
        if update:
            keep(name, (path.read_bytes() for path in (work / "new").iterdir()), corpus)
    log = done.stderr.decode("utf-8", "replace")
    new = {path.name for path in found.iterdir()} - before
    findings = sorted(str(found / file) for file in new if not file.endswith(".txt"))
    if done.returncode or not _DONE.search(log):
        (found / f"{name}.log").write_text(log)
        findings.append(f"{found / name}.log (exit {done.returncode})")
    return _outcome(name, log, took_s, findings, len(inputs(name, corpus)))


def _outcome(name: str, log: str, took_s: float, findings: list[str], kept: int) -> Outcome:
    done, lines = _DONE.search(log), _LINE.findall(log)
    ran = int(done[1]) if done else int(lines[-1][0]) if lines else 0
    return Outcome(
        target=name,
        inputs=ran,
        first_coverage=int(lines[0][1]) if lines else 0,
        coverage=int(lines[-1][1]) if lines else 0,
        corpus=kept,
        inputs_per_s=round(ran / took_s, 1),
        findings=findings,
    )


def _told(outcomes: Sequence[Outcome]) -> str:
    rows = [("target", "inputs", "coverage", "corpus", "inputs/s", "findings")]
    for one in outcomes:
        coverage = f"{one.first_coverage} -> {one.coverage}"
        counts = (str(one.inputs), coverage, str(one.corpus), f"{one.inputs_per_s:.0f}")
        rows.append((one.target, *counts, str(len(one.findings))))
    total = (str(sum(one.inputs for one in outcomes)), "", "", "")
    rows.append(("all", *total, str(sum(len(one.findings) for one in outcomes))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all targets together")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="only this one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--found", type=Path, default=FOUND, help="where findings are written")
    parser.add_argument("--update-corpus", action="store_true", help="keep the smallest new inputs")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: nothing was found; 1: something was; 2: it can't run here."""
    given = _parsed(arguments)
    if find_spec("atheris") is None:
        print(
            "scripts/fuzz: this Python has no atheris, which finds inputs by coverage; install it "
            "(pip install atheris; not every platform has a wheel), or run pytest tests/fuzz",
            file=sys.stderr,
        )
        return 2
    names = given.target or list(TARGETS)
    corpus, found = given.corpus.resolve(), given.found.resolve()
    outcomes = []
    for name, count in shares(names, given.inputs).items():
        outcomes.append(fuzz(name, count, given.seed, corpus, found, update=given.update_corpus))
        if not given.json:
            print(f"{name}: {outcomes[-1].inputs} inputs", file=sys.stderr, flush=True)
    findings = [path for one in outcomes for path in one.findings]
    if given.json:
        print(json.dumps([asdict(one) for one in outcomes]))
    else:
        print(_told(outcomes))
        for path in findings:
            print(f"{path}: again with python -m tests.fuzz.again {path}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
