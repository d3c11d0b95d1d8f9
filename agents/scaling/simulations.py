"""All simulations, as ``agents/data/measured.json`` keeps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.scaling import timing
from agents.scaling.learning import learning

_ALL: dict[str, Callable[[], Any]] = {
    "tuning": timing.tuning,
    "hearing": timing.hearing,
    "skipping": timing.skipping,
    "watching": timing.watching,
    "indexing": timing.indexing,
    "learning": learning,
}


def simulate(say: Callable[[str], None]) -> dict[str, Any]:
    """Runs them, one after another: about half a minute of one core."""
    found = {}
    for name, run in _ALL.items():
        say(f"scaling: {name}")
        found[name] = run()
    return found
