"""docs/scaling.md is what the bundled measurements make of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agents.scaling.assumed import Assumed
from agents.scaling.page import PageError, rewritten, tables
from agents.scaling.rounding import about
from agents.scaling.source import TAKEN, bundled

PAGE = Path(__file__).parents[3] / "docs" / "scaling.md"


def test_the_pages_tables_are_of_the_bundled_measurements() -> None:
    text = PAGE.read_text("utf-8")
    assert rewritten(text, bundled()) == text, "run zeta bench scaling --output docs/scaling.md"


def test_only_tables_are_rewritten() -> None:
    made = tables(bundled(), Assumed())
    text = "".join(
        f"before {name}\n<!-- table {name} -->\nOUTDATED\n<!-- end {name} -->\n" for name in made
    )
    found = rewritten(text, bundled())
    assert "OUTDATED" not in found
    for name, table in made.items():
        assert f"before {name}\n<!-- table {name} -->\n\n{table}\n" in found


def test_a_page_that_lacks_a_table_is_refused() -> None:
    with pytest.raises(PageError, match="needs"):
        rewritten("no tables", bundled())


def test_sizes_and_prices_are_ones_own() -> None:
    dear = msgspec.structs.replace(Assumed(), usd_per_core_hour=1.0)
    made = tables(bundled(), dear, (5_000.0,))
    assert made["needs"].startswith("| queries/s | 5,000 |")
    assert made["needs"] != tables(bundled(), Assumed(), (5_000.0,))["needs"]


def test_the_changed_tables_are_of_ones_own_assumptions_too() -> None:
    plain = tables(bundled(), Assumed())
    dear = tables(bundled(), Assumed(usd_per_core_hour=1.0, usd_per_gb_month=2.0))
    assert dear["changed"].splitlines()[:-1] == plain["changed"].splitlines()[:-1]
    assert dear["changed"].splitlines()[-1] != plain["changed"].splitlines()[-1]
    slow = tables(bundled(), Assumed(answer_s=20.0, busy=0.3))
    for name in ("changed", "limits-changed", "cells"):
        assert slow[name] != plain[name]


def test_what_is_bundled_is_named() -> None:
    assert "bundled" not in tables(bundled(), Assumed())["machine"]
    mixed = {**bundled(), TAKEN: ["scale", "simulations"]}
    said = tables(mixed, Assumed())["machine"]
    assert said.endswith("bundled with zeta: the figures of `zeta bench scale`, the simulations.")


@pytest.mark.parametrize("tuner_ms", [None, 0.0, 0.012])
def test_the_tuner_is_named_where_it_was_measured(tuner_ms: float | None) -> None:
    found = bundled()
    throughput = next(b for b in found["benches"] if b["bench"] == "throughput")
    throughput.pop("tuner_cpu_ms_per_query", None)
    if tuner_ms is not None:
        throughput["tuner_cpu_ms_per_query"] = {"median": tuner_ms, "min": 0.0, "max": 1.0}
    made = tables(found, Assumed())["measured"]
    assert ("| router, workers, grader, aggregator and tuner |" in made) == (tuner_ms is not None)
    assert (f"| of that, the tuner | {tuner_ms or 0:g} ms |" in made) == (tuner_ms is not None)


@pytest.mark.parametrize(
    ("value", "text"),
    [(12_345, "12,000"), (99.6, "100"), (5.07, "5.1"), (0.41, "0.41"), (1, "1"), (10.4, "10")],
)
def test_two_digits(value: float, text: str) -> None:
    assert about(value) == text
