"""What the product's own checks say at the end: ``zeta rebuild`` and ``zeta archive verify``."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.processes import ROOT, clean_environment, die_with_parent


@dataclass(frozen=True)
class Said:
    """A command's exit code, what it printed as JSON, and its messages."""

    code: int
    data: dict[str, Any]
    messages: str


async def zeta(config: Path, *arguments: str) -> Said:
    """Runs a command that prints one line of JSON."""
    command = [sys.executable, "-m", "agents.cli", "--config", str(config), *arguments, "--json"]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=clean_environment(),
        preexec_fn=die_with_parent,
    )
    out, err = await process.communicate()
    lines = out.decode().strip().splitlines()
    data = json.loads(lines[-1]) if lines else {}
    return Said(int(process.returncode or 0), data, err.decode().strip())
