"""Where measurements come from: the bundled file, or one's own, completed with what is bundled."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from agents.scaling.measured import BENCHES, BUNDLED, SIMULATIONS, MeasuredError

TAKEN = "bundled"
"""The key of what a completed file took from the bundled one: benchmarks' names, simulations."""


class _Machine(msgspec.Struct):
    cores: int
    processor: str
    memory_gb: float
    python: str
    kafka: str


class _Bench(msgspec.Struct):
    bench: str


class _File(msgspec.Struct):
    """What each file must have, whatever else is in it."""

    machine: _Machine
    benches: list[_Bench]
    bundled: list[str] = []


def bundled() -> dict[str, Any]:
    """The measurements that the page is made of."""
    found: dict[str, Any] = msgspec.json.decode((files("agents") / "data" / BUNDLED).read_bytes())
    return found


def read(path: Path) -> dict[str, Any]:
    """A file of ``zeta bench all --json``, or one that was saved.

    What it lacks is taken from the bundled one, and named under ``bundled``.

    Raises:
        MeasuredError: no such file, or something else is in it.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        known = msgspec.convert(found, _File)
    except OSError as error:
        raise MeasuredError(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise MeasuredError(f"{path}: {error}; it must be of zeta bench all --json") from error
    ours = bundled()
    there = {row.bench for row in known.benches}
    more = [row for row in ours["benches"] if row["bench"] in set(BENCHES) - there]
    taken = [row["bench"] for row in more]
    if SIMULATIONS not in found:
        taken.append(SIMULATIONS)
    whole = {SIMULATIONS: ours[SIMULATIONS], **found, "benches": [*found["benches"], *more]}
    return _naming(whole, [*known.bundled, *taken])


def timed(found: Mapping[str, Any], simulated: Mapping[str, Any]) -> dict[str, Any]:
    """The measurements with simulations that were run anew."""
    left = [name for name in found.get(TAKEN, ()) if name != SIMULATIONS]
    return _naming({**found, SIMULATIONS: simulated}, left)


def _naming(found: dict[str, Any], taken: list[str]) -> dict[str, Any]:
    plain = {key: value for key, value in found.items() if key != TAKEN}
    return {**plain, TAKEN: taken} if taken else plain
