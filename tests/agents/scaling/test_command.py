"""``zeta bench scaling``."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from agents.commands.bench_scaling import scaling
from agents.commands.context import Context
from agents.scaling.source import bundled

PAGE = Path(__file__).parents[3] / "docs" / "scaling.md"


def _run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(scaling)
    done = CliRunner().invoke(app, list(arguments), obj=Context())
    return done.exit_code, done.output


def test_the_tables_for_ones_own_size() -> None:
    code, said = _run("--queries", "5000", "--queries", "6000")
    assert code == 0
    assert "| queries/s | 5,000 | 6,000 |" in said
    assert "the defaults" in said


def test_as_json() -> None:
    code, said = _run("--queries", "5000", "--gb-month", "0", "--core-hour", "1", "--json")
    assert code == 0
    found = msgspec.json.decode(said)
    (row,) = found["needs"]
    assert row["queries_per_s"] == 5000
    assert round(row["usd_per_million"], 6) == round(row["cores"] / 3600 / 5000 * 1e6, 6)
    assert found["limits"][0]["per_s"] > 0


def test_a_page_is_rewritten_and_the_measurements_are_kept(tmp_path: Path) -> None:
    page, kept, bench = (tmp_path / name for name in ("page.md", "kept.json", "bench.json"))
    page.write_text(PAGE.read_text("utf-8").replace("| tasks | 3 |", "| tasks | 4 |"), "utf-8")
    bench.write_bytes(msgspec.json.encode(bundled()))
    code, said = _run("--from", str(bench), "--save", str(kept), "--output", str(page))
    assert (code, said) == (0, "")
    assert page.read_text("utf-8") == PAGE.read_text("utf-8")
    assert msgspec.json.decode(kept.read_bytes()) == bundled()


def test_ones_own_measurements_name_what_is_bundled(tmp_path: Path) -> None:
    bench = tmp_path / "bench.json"
    rows = [row for row in bundled()["benches"] if row["bench"] not in ("scale", "decision")]
    bench.write_bytes(msgspec.json.encode({"machine": bundled()["machine"], "benches": rows}))
    code, said = _run("--from", str(bench), "--queries", "5000")
    assert code == 0
    assert "bundled with zeta: the figures of `zeta bench scale`, the simulations." in said
    code, said = _run("--from", str(bench), "--json")
    assert msgspec.json.decode(said)["bundled"] == ["scale", "simulations"]


def test_sizes_and_a_page_are_refused(tmp_path: Path) -> None:
    page, kept = tmp_path / "page.md", tmp_path / "kept.json"
    page.write_text(PAGE.read_text("utf-8").replace("| tasks | 3 |", "| tasks | 4 |"), "utf-8")
    before = page.read_bytes()
    code, said = _run("--queries", "5000", "--output", str(page), "--save", str(kept))
    assert code == 2
    assert "leave out --queries, or --output" in said
    assert page.read_bytes() == before
    assert not kept.exists()


@pytest.mark.parametrize(
    "benches",
    [
        [{"answers_per_s": 1}],
        [5],
        [{"bench": 5}],
        [{"bench": "worker", "answers_per_s": {"median": "many"}}],
        [{"bench": "worker", "answers_per_s": {"median": 0}}],
        [{"bench": "worker", "answers_per_s": 7}],
        [{"bench": "worker"}],
        [{"bench": "aggregator", "rows": []}],
        [{"bench": "aggregator", "rows": 1}],
        [{"bench": "scale", "rows": []}],
        [{"bench": "start"}],
    ],
)
def test_a_malformed_benchmark_is_refused_in_a_sentence(tmp_path: Path, benches: object) -> None:
    bench = tmp_path / "bench.json"
    bench.write_bytes(msgspec.json.encode({"machine": bundled()["machine"], "benches": benches}))
    code, said = _run("--from", str(bench))
    assert code == 2
    assert said.startswith(f"zeta: {bench}: ")
    assert said.count("\n") == 1


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    code, said = _run("--from", str(tmp_path / "nothing.json"))
    assert code == 2
    assert "nothing.json" in said
    page = tmp_path / "page.md"
    page.write_text("no tables")
    code, said = _run("--output", str(page))
    assert code == 2
    assert "tables" in said
