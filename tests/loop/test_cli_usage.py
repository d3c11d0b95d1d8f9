"""``zeta`` used wrongly, or without a broker: one line, and the right exit code."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from agents.cli import app
from streams.broker.ports import free_ports
from tests.loop.commands import one_line, run, zeta
from tests.loop.system import System, chat
from tests.loop.test_failures import dead

NO_BROKER_S = 20.0
"""About ten seconds, and what it takes to start nine interpreters at once on a busy machine."""


@pytest.fixture
def unasked(system: System) -> System:
    """A settings file that is good, of a system that doesn't run."""
    for name in ("small", "vectors"):
        system.tables[f"models.{name}"] = chat(dead())
    system.write()
    return system


async def test_wrong_usage_exits_2(unasked: System, tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[kafka]\nbootstrop = 1\n")
    unknown_role, unknown_model, unknown_option, key, pair, value = await asyncio.gather(
        zeta(unasked.file, "run", "poet"),
        zeta(unasked.file, "run", "worker-none"),
        zeta(unasked.file, "ask", "x", "--nonsense"),
        zeta(broken, "rules"),
        zeta(unasked.file, "--set", "nonsense", "rules"),
        zeta(unasked.file, "--set", "kafka.partitions=0", "rules"),
    )
    known = "roles are router, grader, aggregator, tuner, worker-small, worker-vectors"
    assert one_line(unknown_role, 2) == f"zeta: zeta run: poet: no such role; {known}"
    assert "no such model; models are small, vectors" in one_line(unknown_model, 2)
    assert f"{broken}: kafka.bootstrop: unknown key" in one_line(key, 2)
    assert "--set: kafka.partitions: must be" in one_line(value, 2)
    for done in (unknown_option, pair):
        assert done.code == 2
        assert "Traceback" not in done.err


async def test_without_a_broker_every_command_says_so(unasked: System, tmp_path: Path) -> None:
    bootstrap = f"127.0.0.1:{free_ports(1)[0]}"
    file = tmp_path / "queries.jsonl"
    file.write_text('{"prompt": "x"}')
    commands = [
        ["ask", "x"],
        ["send", str(file)],
        ["tail", "responses"],
        ["rules"],
        ["scores", "--json"],
        ["topics", "create"],
        ["topics", "list"],
        ["up"],
        ["run", "router"],
    ]
    started = time.monotonic()
    ended = await asyncio.gather(
        *(zeta(unasked.file, "--set", f"kafka.bootstrap={bootstrap}", *row) for row in commands)
    )
    assert time.monotonic() - started < NO_BROKER_S
    for command, done in zip(commands, ended, strict=True):
        line = one_line(done, 1)
        assert bootstrap in line, command
        assert "kafka.bootstrap" in line, command


def commands_of(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command of the tree."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [path]
    return [found for name, row in inner.items() for found in commands_of(row, (*path, name))]


@pytest.mark.parametrize("path", commands_of(get_command(app)), ids=" ".join)
async def test_every_command_explains_itself_with_an_example(path: tuple[str, ...]) -> None:
    told = CliRunner().invoke(app, [*path, "--help"])
    assert told.exit_code == 0
    assert f"Example: zeta {' '.join(path)}" in told.output


async def test_the_installed_command_is_this_one() -> None:
    done = await run(str(Path(sys.executable).with_name("zeta")), "--help")
    assert done.code == 0
    assert "sim-model" in done.out
