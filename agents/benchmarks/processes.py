"""Processes to be measured: started, waited for, asked for their processor time, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.supervising import die_with_parent

POLL_S = 0.02
END_S = 20.0
START_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MB = 1e6


class BenchError(RuntimeError):
    """A benchmark couldn't be run; the message says at which step."""


@dataclass
class Running:
    """A process and what it says (its standard output and error, together)."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(errors="replace")

    def check(self) -> None:
        """Raises ``BenchError`` when it has ended by itself."""
        if self.process.poll() is not None:
            last = "; ".join(self.said().splitlines()[-3:])
            raise BenchError(f"{self.name} ended with {self.process.returncode}: {last}")

    def wait_for(self, text: str, within_s: float = START_S) -> None:
        """Returns once it has written ``text``."""
        deadline = time.monotonic() + within_s
        while text not in self.said():
            self.check()
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} didn't say {text!r} within {within_s:g} s")
            time.sleep(POLL_S)

    def cpu_s(self) -> float:
        """Processor time that it and its children that have ended took, user and system."""
        return cpu_s(self.process.pid)

    def resident_mb(self) -> float:
        """Resident set size in MB (10^6 bytes)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MB


def cpu_s(pid: int) -> float:
    """Processor time, user and system, that a process and its ended children took. Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS_PER_S


KEPT = ("ZETA_DATA", "ZETA_HOME")


def environment(given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a measured process gets: no variable that sets settings, which a benchmark has its own.

    A ``KAFKA_BOOTSTRAP`` or ``ZETA_KAFKA_PREFIX`` would send it to somebody's live topics.
    """
    return {
        name: value
        for name, value in given.items()
        if name in KEPT or (name != "KAFKA_BOOTSTRAP" and not name.startswith("ZETA_"))
    }


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    directory: Path,
    clock: Callable[[], int] = time.monotonic_ns,
) -> Iterator[Running]:
    """Runs it for as long as the block lasts, then has it drain and end.

    To be called in the main thread: the process ends with the thread that began it.
    """
    log = directory / f"{name}-{clock()}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment(),
            preexec_fn=die_with_parent,  # noqa: PLW1509  # one system call, no lock
        )
    try:
        yield Running(name, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def zeta(*arguments: str) -> list[str]:
    """A command line of this very installation."""
    return [sys.executable, "-m", "agents.cli", *arguments]


def yardstick(name: str, *arguments: str) -> list[str]:
    """A command line of one of ``agents.benchmarks.yardsticks``' programs."""
    return [sys.executable, "-m", f"agents.benchmarks.yardsticks.{name}", *arguments]
