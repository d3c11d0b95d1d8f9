"""Running command lines beside the test's loop."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.loop.system import ROOT

LONGEST_S = 60.0


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> list[dict[str, Any]]:
        """Standard output, which must be lines of JSON and nothing else."""
        return [json.loads(line) for line in self.out.splitlines()]


async def run(
    *command: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None
) -> Done:
    """Runs a command to its end."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ZETA_")}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), **(variables or {})},
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    return Done(process.returncode or 0, out.decode(), err.decode())


async def zeta(file: Path | None, *arguments: str, **variables: str) -> Done:
    """Runs ``zeta`` with a settings file."""
    config = ["--config", str(file)] if file else []
    return await run(sys.executable, "-m", "agents.cli", *config, *arguments, variables=variables)


def one_line(done: Done, code: int) -> str:
    """The one line on standard error of a command that failed."""
    assert done.code == code, done
    assert done.out == ""
    (line,) = done.err.splitlines()
    return line
