"""Runs a finding again: ``python -m tests.fuzz.again FILE…``; its name begins with its target's."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fuzz.registry import TARGETS


def target_of(path: Path) -> str:
    """The target whose finding this is."""
    fitting = [name for name in TARGETS if path.name.startswith(f"{name}-")]
    return max(fitting, key=len)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        file = Path(argument)
        TARGETS[target_of(file)].check(file.read_bytes())
        print(f"{file}: fine")
