"""The tables of ``docs/scaling.md``, from measurements. Pure.

In the page each stands between ``<!-- table NAME -->`` and ``<!-- end NAME -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.scaling import figures
from agents.scaling.assumed import Assumed, changed
from agents.scaling.measured import Measured, measured

SIZES = (1_000.0, 100_000.0, 10_000_000.0)

_BETWEEN = "<!-- table {name} -->\n\n{text}\n\n<!-- end {name} -->"
_TABLE = re.compile(r"<!-- table ([a-z-]+) -->\n.*?<!-- end \1 -->", re.DOTALL)


class PageError(ValueError):
    """The page asks for a table that there isn't, or lacks one that there is."""


def rewritten(text: str, found: Mapping[str, Any], assumed: Assumed | None = None) -> str:
    """The page with its tables made anew.

    Raises:
        PageError: its tables aren't ours.
        MeasuredError: a figure is missing.
    """
    made = tables(found, assumed or Assumed())
    named = _TABLE.findall(text)
    if sorted(named) != sorted(made):
        raise PageError(f"the page has the tables {', '.join(named)}, not {', '.join(made)}")
    return _TABLE.sub(lambda m: _BETWEEN.format(name=m[1], text=made[m[1]]), text)


def tables(
    found: Mapping[str, Any], assumed: Assumed, sizes: Sequence[float] = SIZES
) -> dict[str, str]:
    """Every table, by its name in the page."""
    known = measured(found)
    makers: dict[str, Callable[[Measured, Assumed], str]] = {
        "measured": figures.rates,
        "assumed": lambda _, these: figures.assumptions(these),
        "bytes": lambda _, these: figures.sizes(these),
        "alone": figures.alone,
        "needs": lambda these, those: figures.needed(these, those, sizes),
        "first": lambda these, those: figures.first(these, those, sizes),
        "limits": figures.ends,
        "changed": lambda these, those: figures.needed(these, changed(those), sizes),
        "limits-changed": lambda these, those: figures.ends(these, changed(those)),
        "cells": lambda these, those: figures.cells(these, changed(those), max(sizes)),
        "tuning": lambda these, _: figures.tuning(these),
        "hearing": lambda these, _: figures.hearing(these),
        "reading": lambda these, _: figures.reading(these),
        "learning": lambda these, _: figures.learning(these),
    }
    made = {name: make(known, assumed) for name, make in makers.items()}
    return {"machine": figures.on(found), **made}
