"""The roles' processes, kept running as a supervisor would, and killed as chaos wants.

None outlives the driver: the kernel kills them when it goes, however it goes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.loop.watching import until

ROOT = Path(__file__).resolve().parents[2]
PAUSE_S = 1.0
POLL_S = 0.1
PR_SET_PDEATHSIG = 1
LAST_LINES = 3
ALIVE_S = 60.0


def die_with_parent() -> None:
    """In a new child: it is killed when whoever started it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def clean_environment() -> dict[str, str]:
    """The driver's, without what would change settings; where Kafka's jars are stays."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ZETA_", "KAFKA_"))}
    home = {"ZETA_HOME": os.environ["ZETA_HOME"]} if "ZETA_HOME" in os.environ else {}
    return {**kept, **home, "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True)
class Death:
    """A process that ended though nobody had asked it to: ``said`` is the end of its log."""

    seat: str
    at_s: float
    code: int
    said: str


@dataclass
class Seat:
    """One process of a role: restarted under the same or another name in its group.

    ``replica`` is empty for a dynamic member. ``killed`` is set while a death is ours.
    """

    name: str
    role: str
    replica: str
    process: subprocess.Popen[bytes] | None = None
    killed: bool = False
    paused: bool = False
    starts: int = 0
    ready_from: int = 0
    due_at: float | None = None


def _works(seat: Seat) -> bool:
    return seat.process is not None and seat.process.poll() is None and not seat.paused


@dataclass
class Fleet:
    """All seats.

    Args:
        config: the settings file.
        directory: for the logs, one per seat.
        clock: seconds, monotonic.
    """

    config: Path
    directory: Path
    clock: Callable[[], float] = time.monotonic
    environment: Mapping[str, str] = field(default_factory=clean_environment)
    log_level: str = "info"
    seats: dict[str, Seat] = field(default_factory=dict)
    deaths: list[Death] = field(default_factory=list)
    kills: int = 0
    restarts: int = 0
    exits: dict[str, int] = field(default_factory=dict)

    def add(self, seats: Iterable[tuple[str, int]], *, named: Callable[[str], bool]) -> None:
        """Declares processes; those for which ``named(seat)`` is true have a replica name."""
        for role, number in seats:
            name = f"{role}-{number}"
            replica = f"r{number}" if named(name) else ""
            self.seats[name] = Seat(name, role, replica)

    def start(self) -> None:
        """Starts all."""
        for seat in self.seats.values():
            self._spawn(seat)

    def log(self, seat: Seat) -> Path:
        """Where its processes print."""
        return self.directory / f"{seat.name}.log"

    def command(self, seat: Seat) -> Sequence[str]:
        """Its command line."""
        command = [sys.executable, "-m", "agents.cli", "--config", str(self.config), "run"]
        command += [seat.role, "--log-level", self.log_level]
        return [*command, "--replica", seat.replica] if seat.replica else command

    def _spawn(self, seat: Seat) -> None:
        with self.log(seat).open("ab") as log:
            seat.process = subprocess.Popen(
                self.command(seat),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=dict(self.environment),
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls one function of libc
            )
        seat.starts += 1
        seat.killed = seat.paused = False
        seat.due_at = None

    async def supervise(self) -> None:
        """Starts again what has ended, until cancelled."""
        while True:
            for seat in self.seats.values():
                self._look_after(seat)
            await asyncio.sleep(POLL_S)

    def _look_after(self, seat: Seat) -> None:
        if seat.due_at is not None:
            if self.clock() >= seat.due_at:
                self.restarts += 1
                self._spawn(seat)
        elif seat.process is not None and (code := seat.process.poll()) is not None:
            if not seat.killed:
                self.deaths.append(Death(seat.name, self.clock(), code, self.tail(seat)))
            seat.due_at = self.clock() + PAUSE_S

    def tail(self, seat: Seat) -> str:
        """The last lines of its log."""
        lines = self.log(seat).read_text(errors="replace").splitlines()
        return "\n".join(deque((line for line in lines if line.strip()), LAST_LINES))

    async def alive(self, name: str) -> Seat:
        """The seat, once a process sits on it that isn't stopped."""
        seat = self.seats[name]
        await until(lambda: _works(seat), f"{name} works", ALIVE_S)
        return seat

    async def kill(self, name: str, *, renamed: bool = False) -> None:
        """SIGKILL; the supervisor starts it again, under another name where told."""
        seat = await self.alive(name)
        assert seat.process is not None
        seat.killed = True
        seat.process.kill()
        self.kills += 1
        if renamed:
            seat.replica = "" if seat.replica else f"s{seat.starts}-{name[-1]}"

    async def pause(self, name: str, for_s: float) -> None:
        """SIGSTOP, and SIGCONT after ``for_s``."""
        seat = await self.alive(name)
        assert seat.process is not None
        process = seat.process
        seat.paused = True
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(for_s)
        finally:
            process.send_signal(signal.SIGCONT)
            seat.paused = False

    async def stop(self, roles: Iterable[str], within_s: float = 60.0) -> None:
        """SIGTERM to all of these roles; their exit codes are in ``exits`` (-9: it had to be)."""
        wanted = tuple(roles)
        leaving = [seat for seat in self.seats.values() if seat.role.startswith(wanted)]
        for seat in leaving:
            del self.seats[seat.name]
            if seat.process is not None and seat.process.poll() is None:
                seat.process.send_signal(signal.SIGTERM)
        deadline = self.clock() + within_s
        for seat in leaving:
            await self._ended(seat, deadline)

    async def _ended(self, seat: Seat, deadline: float) -> None:
        process = seat.process
        if process is None:
            return
        while process.poll() is None:
            if self.clock() > deadline:
                process.kill()
            await asyncio.sleep(POLL_S)
        self.exits[seat.name] = int(process.returncode)

    def pids(self) -> dict[str, int]:
        """The living processes' ids by seat, to be measured."""
        return {
            seat.name: seat.process.pid
            for seat in self.seats.values()
            if seat.process is not None and seat.process.poll() is None
        }

    def close(self) -> None:
        """Kills what is left."""
        for seat in self.seats.values():
            if seat.process is not None and seat.process.poll() is None:
                seat.process.kill()
                seat.process.wait()
