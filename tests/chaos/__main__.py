"""``python -m tests.chaos``: kills everything while queries come, then counts what is left."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streams.broker.cluster import Cluster, cluster
from tests.chaos.plan import FULL, SHORT, Plan
from tests.chaos.report import Result, markdown, table
from tests.chaos.run import Say, chaos
from tests.chaos.schedule import schedule

IN_NAMESPACE = "CHAOS_IN_NAMESPACE"
INTERRUPTED = 130
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def seeds_of(text: str) -> list[int]:
    """``3``, ``1-5`` or ``1,4,7-9`` as numbers."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def enter_namespace() -> None:
    """Goes on in a mount namespace of its own, where one can be had.

    There the archive's small disk can be mounted, also by who isn't root, and it goes away with
    the last process.
    """
    if os.environ.get(IN_NAMESPACE) or shutil.which("unshare") is None:
        return
    for flags in (["-m"], ["-U", "-r", "-m"]):
        command = ["unshare", *flags]
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            os.environ[IN_NAMESPACE] = "1"
            again = [sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
            os.execvp(command[0], [*command, *again])


@app.command()
def main(
    seeds: Annotated[str, typer.Option("--seeds", "--seed", help="3, 1-5 or 1,4,7-9.")] = "1",
    queries: Annotated[int | None, typer.Option(min=1, help="Per seed; default 20,200.")] = None,
    rate: Annotated[float | None, typer.Option(min=1, help="Queries per second.")] = None,
    short: Annotated[bool, typer.Option("--short", help="The form that the tests run.")] = False,
    show: Annotated[
        bool, typer.Option("--schedule", help="Print the faults of these seeds, and do nothing.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the counts here.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep logs and settings below here.")] = None,
) -> None:
    """Kill everything while queries come, then count from the topics what became of each.

    Example: scripts/chaos --seeds 1-5 --json chaos.json

    Exit code 1: something was lost, counted twice, or differs.
    """
    plan = SHORT if short else FULL
    plan = replace(plan, queries=queries or plan.queries, rate=rate or plan.rate)
    if show:
        for seed in seeds_of(seeds):
            for fault in schedule(plan, seed):
                print(json.dumps({"seed": seed, **asdict(fault)}))
        return
    enter_namespace()
    results: list[Result] = []
    for seed in seeds_of(seeds):
        try:
            results.append(_one(plan, seed, keep))
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise typer.Exit(INTERRUPTED) from None
        Console().print(table(results[-1]))
        for line in results[-1].deaths:
            print(line, file=sys.stderr)
        if json_file is not None:
            json_file.write_text(json.dumps([row.as_dict() for row in results], indent=1))
    print(markdown(results))
    raise typer.Exit(0 if all(result.ok for result in results) else 1)


async def _until_signalled(
    plan: Plan, seed: int, brokers: Cluster, directory: Path, say: Say
) -> Result:
    """SIGTERM ends it as Ctrl-C does: with nothing left running."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await chaos(plan, seed, brokers, directory, say)


def _one(plan: Plan, seed: int, keep: Path | None) -> Result:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"chaos: [{time.monotonic() - began:6.1f}] {text}", file=sys.stderr, flush=True)

    directory = Path(tempfile.mkdtemp(prefix="zeta-chaos-"))
    try:
        with cluster() as brokers:
            say(f"seed {seed}: three brokers at {brokers.bootstrap}")
            return asyncio.run(_until_signalled(plan, seed, brokers, directory, say))
    finally:
        if keep is not None:
            shutil.copytree(directory, keep / f"seed-{seed}", dirs_exist_ok=True)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    app()
