"""One target under atheris, in a process of its own: ``python -m tests.fuzz.drive NAME …``.

libFuzzer writes its statistics to standard error and ends the process; ``tests.fuzz.run`` reads
them. An input that raises is written to the directory of findings, with the traceback beside it.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["schemas", "streams", "agents"]):
    from tests.fuzz.registry import TARGETS

HANGS_S = 25


def _reporting(name: str, found: Path) -> None:
    """Runs the target; what it raises is told once for each place in our code."""
    target = TARGETS[name]
    seen: set[str] = set()

    def one(data: bytes) -> None:
        try:
            target.check(data)
        except Exception as error:  # noqa: BLE001  # any kind is a finding, and the run goes on
            place = where(error)
            if place not in seen:
                seen.add(place)
                digest = hashlib.sha256(data).hexdigest()[:12]
                (found / f"{name}-{digest}").write_bytes(data)
                text = "".join(traceback.format_exception(error))
                (found / f"{name}-{digest}.txt").write_text(text, "utf-8", "backslashreplace")

    atheris.Setup([sys.argv[0], *sys.argv[3:]], one)
    atheris.Fuzz()


def where(error: BaseException) -> str:
    """The kind of an error and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} {frames[-1].filename}:{frames[-1].lineno}"


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    _reporting(sys.argv[1], Path(sys.argv[2]))
