"""What shells complete, asked as their scripts ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import typer

from agents.cli import app
from agents.commands import completing
from tests.docs.blocks import ROOT

CONFIG = str(ROOT / "examples" / "simulated.toml")


def _asked(shell: str, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs ``zeta`` as the shell's script does, with the cursor at the line's end."""
    words = line.split()
    last = len(words) - (0 if line.endswith(" ") else 1)
    asks = {
        "_ZETA_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(last),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": "",
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ZETA_", "KAFKA_"))}
    program = "import sys; sys.argv[0] = 'zeta'; from agents.cli import app; app(prog_name='zeta')"
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, "PYTHONPATH": str(ROOT), **asks, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_role_is_completed_from_the_settings(shell: str) -> None:
    done = _asked(shell, "zeta run worker-chat", ZETA_CONFIG=CONFIG)
    assert "worker-chat-14b" in done.stdout, done
    assert "worker-chat-7b-code" in done.stdout
    assert "router" not in done.stdout
    assert not done.stderr


def test_a_command_is_completed() -> None:
    assert "schemas" in _asked("bash", "zeta sch").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_shown(shell: str) -> None:
    done = _asked("bash", "", _ZETA_COMPLETE=f"source_{shell}")
    assert "_ZETA_COMPLETE" in done.stdout, done


def test_settings_that_are_broken_complete_nothing_and_print_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[kafka]\nbootstrop = 1\n")
    done = _asked("bash", "zeta run ", ZETA_CONFIG=str(broken))
    assert (done.stdout.strip(), done.stderr) == ("", "")
    missing = _asked("bash", "zeta run ", ZETA_CONFIG=str(tmp_path / "none.toml"))
    assert (missing.stdout.strip(), missing.stderr) == ("", "")


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> typer.Context:
    """What a callback gets: the root's options are parsed."""
    monkeypatch.delenv("ZETA_CONFIG", raising=False)
    command = typer.main.get_command(app)
    found = command.make_context("zeta", ["--config", CONFIG, "rules"], resilient_parsing=True)
    return cast(typer.Context, found)


def test_names_come_from_the_settings(context: typer.Context) -> None:
    assert completing.topics(context, "res") == ["responses"]
    assert "models.embed-4b" in completing.topics(context, "models.")
    assert completing.models(context, "chat-1") == ["chat-14b"]
    assert set(completing.tasks(context, "")) == {"code", "reasoning", "embedding"}
    assert completing.policies("th") == ["thompson"]
    assert completing.local_models("none") == []


def test_an_option_of_the_line_counts(context: typer.Context) -> None:
    context.params["set_"] = ["nonsense"]
    assert completing.tasks(context, "") == []
