"""A role's process imports what the role needs: the rest would take 70 MB in each."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from agents.cli import app
from agents.commands.lazily import COMMANDS
from tests.loop.system import ROOT

BUILD = """
import sys
from agents import cli
from agents.commands import running
from agents.roles import build_role
from streams.settings import load
build_role(load(None, {}), sys.argv[1], "")
print(*sorted({"numpy", "pyarrow", "jsonschema", "fsspec", "duckdb"} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("role", "heavy"),
    [("router", []), ("aggregator", []), ("dashboard", []), ("tuner", ["numpy"])],
)
def test_a_role_imports_no_more_than_it_needs(role: str, heavy: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, role], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == heavy


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_when_it_is_asked_for(name: str) -> None:
    group = typer.main.get_group(app)
    assert group.commands[name].name == name
    assert group.commands[name].help
