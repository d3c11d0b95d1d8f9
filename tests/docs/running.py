"""Runs a page's commands in a copy of the checkout, one shell for all, on ports of its own.

What is changed before a command runs, and nothing else: the ports below become free ones, in the
page and in the examples' settings; ``zeta kafka start`` gets the port of the tests' broker. The
copy's ``.venv`` runs the copy's code with the tests' Python.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from compileall import compile_dir
from dataclasses import dataclass
from pathlib import Path

from streams.broker.ports import free_port_run
from tests.docs.blocks import ROOT, Command

PORTS = (9092, 8080, 8090, 8101, 8102, 8103, 8104, *range(9100, 9110))
LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", ".*_cache", ".hypothesis", "site", "tests", "archive"),
    *("*.egg-info", "node_modules"),
)
END_S = 25.0


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed (what still runs prints on)."""

    command: Command
    code: int
    seconds: float
    output: str


class Checkout:
    """A copy of the checkout, and the ports that it may use."""

    def __init__(self, directory: Path, home: Path, broker_port: int) -> None:
        self.directory = directory
        shutil.copytree(ROOT, directory, ignore=LEFT_OUT)
        first = free_port_run(len(PORTS) - 1)
        given = (broker_port, *range(first, first + len(PORTS) - 1))
        self.ports = dict(zip(PORTS, given, strict=True))
        for settings in (directory / "examples").glob("*.toml"):
            settings.write_text(self.substituted(settings.read_text("utf-8")), "utf-8")
        compile_dir(directory / "agents", quiet=1)  # or every process would, all at once
        self._make_venv()
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "ZETA_HOME": str(home / ".zeta"),
            "PYTHONPATH": str(directory),
            "ZETA_GATEWAY_PORT": str(self.ports[8080]),
            "ZETA_DASHBOARD_PORT": str(self.ports[8090]),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
        }

    def substituted(self, text: str) -> str:
        """The text with its fixed ports replaced."""
        text = re.sub(r"zeta kafka start(?! --port)", "zeta kafka start --port 9092", text)
        numbers = "|".join(map(str, self.ports))
        return re.sub(rf"(?<![\d.])({numbers})(?!\d)", lambda m: str(self.ports[int(m[1])]), text)

    def _make_venv(self) -> None:
        script = self.directory / ".venv" / "bin" / "zeta"
        script.parent.mkdir(parents=True)
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agents.cli "$@"\n')
        script.chmod(0o755)
        (script.parent / "python").symlink_to(sys.executable)

    def run(
        self,
        commands: Sequence[Command],
        within_s: float,
        may_end_with_1: tuple[str, ...],
        **variables: str,
    ) -> tuple[bool, list[Result]]:
        """Whether all ended well, and the results up to the first that didn't.

        All that was started has ended.
        """
        steps = self.directory / f".steps-{commands[0].page}"
        steps.mkdir()
        for number, command in enumerate(commands):
            (steps / f"{number}.sh").write_text(self.substituted(command.text) + "\n")
        (steps / "run").write_text(_driver(steps, commands, may_end_with_1))
        with (steps / "log").open("wb") as log:
            shell = subprocess.Popen(
                ["bash", str(steps / "run")],
                cwd=self.directory,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                shell.wait(within_s)
            except subprocess.TimeoutExpired:
                pass
            finally:
                _end_group(shell.pid)
                shell.wait()
        return (steps / "done").exists(), list(_results(steps, commands))


def _driver(steps: Path, commands: Sequence[Command], lenient: tuple[str, ...]) -> str:
    """A script that sources each step, and notes when and how it ended."""
    lines = [f"cd {steps.parent}"]
    for number, command in enumerate(commands):
        most = 1 if command.text.startswith(lenient) else 0
        step = steps / str(number)
        lines += [
            f"began=$EPOCHREALTIME; echo 125 $began $began > {step}.code",
            f". {step}.sh > {step}.out 2>&1",
            f"code=$?; echo $code $began $EPOCHREALTIME > {step}.code",
            f'[ "$code" -le {most} ] || exit 1',
        ]
    return "\n".join([*lines, f"touch {steps}/done"]) + "\n"


def _results(steps: Path, commands: Sequence[Command]) -> Iterable[Result]:
    for number, command in enumerate(commands):
        noted = steps / f"{number}.code"
        if not noted.exists():
            return
        code, began, ended = noted.read_text().split()
        output = (steps / f"{number}.out").read_text("utf-8", "replace")
        yield Result(command, int(code), float(ended) - float(began), output)


def _end_group(group: int) -> None:
    """Ends what the page has left running, first by SIGTERM, so that it drains."""
    for number, wait_s in ((signal.SIGTERM, END_S), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        _await_end(group, wait_s)


def _await_end(group: int, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


def told(results: Sequence[Result], expected: int) -> str:
    """What to say of a page that didn't run to its end."""
    last = results[-1]
    return (
        f"{last.command} ended with {last.code} "
        f"({len(results)} of {expected} commands were begun)\n{last.output[-4000:]}"
    )
