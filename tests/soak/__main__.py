"""``python -m tests.soak``: a steady load for long, then far too much of it, then the count."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streams.broker import ephemeral
from tests.soak.report import Result, markdown, table
from tests.soak.run import Plan, soak

JVM = ("-Xmx1g",)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="Of steady load.")] = 15.0,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Of the capacity.")] = 0.6,
    overload: Annotated[bool, typer.Option(help="Then three times what it can take.")] = True,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures here.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and settings below here.")] = None,
) -> None:
    """Measure what all roles on this machine can take, then load them with a part of that.

    Example: scripts/soak --json soak.json

    Exit code 1: a query was lost or counted twice, memory left its plateau by more than 5 %, the
    99th percentile rose by more than a quarter, a process died, or it did not catch up.
    """
    plan = replace(Plan(), steady_s=minutes * 60, share=share)
    plan = plan if overload else replace(plan, overload_s=0.0)
    result = _run(plan, keep)
    print(markdown(result))
    Console(stderr=True).print(table(result))
    if json_file is not None:
        json_file.write_text(json.dumps(result.as_dict(), indent=1))
    raise typer.Exit(1 if result.misses() else 0)


async def _until_signalled(plan: Plan, bootstrap: str, directory: Path) -> Result:
    """SIGTERM ends it as Ctrl-C does: with nothing left running."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"soak: [{time.monotonic() - began:6.1f}] {text}", file=sys.stderr, flush=True)

    return await soak(plan, bootstrap, directory, say)


def _run(plan: Plan, keep: Path | None) -> Result:
    directory = Path(tempfile.mkdtemp(prefix="zeta-soak-"))
    try:
        with ephemeral(jvm=JVM) as broker:
            return asyncio.run(_until_signalled(plan, broker.bootstrap, directory))
    finally:
        if keep is not None:
            shutil.copytree(directory, keep, dirs_exist_ok=True)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    app()
