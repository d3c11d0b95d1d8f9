"""``zeta up``: every role as a child process; one signal drains them all.

A role that dies is started again, since all that it held is in Kafka; one that keeps dying takes
the rest down, so that a broken set-up is seen and not hidden. A broker that is away for minutes is
no broken set-up.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PR_SET_PDEATHSIG = 1
RESTARTS = 5
RESTARTS_WITHIN_S = 60.0
PAUSE_S = 1.0
GRACE_S = 15.0


@dataclass(frozen=True)
class Child:
    """A process to keep running: its name for messages, and its command."""

    name: str
    command: Sequence[str]


async def _never() -> bool:
    return False


@dataclass
class Supervisor:
    """Keeps children running until ``stop`` is set.

    Args:
        children: started in this order.
        stop: set it to drain and end.
        grace_s: how long children may take to drain before they are killed.
        say: where messages for a person go.
        excused: asked after a death, whether something else is to blame; then it isn't counted.
    """

    children: Sequence[Child]
    stop: asyncio.Event
    grace_s: float
    say: Callable[[str], None]
    excused: Callable[[], Awaitable[bool]] = _never
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def run(self) -> int:
        """0 when stopped and every child drained with 0; 1 otherwise."""
        keepers = [asyncio.create_task(self._keep(child)) for child in self.children]
        codes = await asyncio.gather(*keepers)
        return 0 if all(code == 0 for code in codes) else 1

    async def _keep(self, child: Child) -> int:
        deaths: deque[float] = deque(maxlen=RESTARTS)
        clock = asyncio.get_running_loop().time
        while True:
            code, asked = await self._run_once(child)
            if asked:
                return code
            if await self.excused():
                deaths.clear()
            else:
                deaths.append(clock())
            if len(deaths) == RESTARTS and clock() - deaths[0] < RESTARTS_WITHIN_S:
                self.say(f"{child.name} died {RESTARTS} times within {RESTARTS_WITHIN_S:g} s")
                self.stop.set()
                return code or 1
            self.say(f"{child.name} ended with {code}; starting it again")
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(PAUSE_S):
                await self.stop.wait()
        except TimeoutError:
            return

    async def _run_once(self, child: Child) -> tuple[int, bool]:
        """Its exit code, and whether it was asked to end."""
        if self.stop.is_set():
            return 0, True
        process = await asyncio.create_subprocess_exec(*child.command, preexec_fn=die_with_parent)
        self.processes[child.name] = process
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(self.stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        asked = self.stop.is_set()
        if not ended.done():
            await self._end(child, process, ended)
        return await ended, asked

    async def _end(
        self, child: Child, process: asyncio.subprocess.Process, ended: asyncio.Task[int]
    ) -> None:
        process.send_signal(signal.SIGTERM)
        done, _ = await asyncio.wait({ended}, timeout=self.grace_s)
        if not done:
            self.say(f"{child.name} did not drain within {self.grace_s:g} s; killed")
            process.kill()


def die_with_parent() -> None:
    """A supervisor that is killed leaves no orphans: Linux ends its children for it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@asynccontextmanager
async def supervised(
    children: Sequence[Child], say: Callable[[str], None]
) -> AsyncIterator[asyncio.Event]:
    """Runs processes for as long as the block lasts; the event is set when they have given up."""
    stop = asyncio.Event()
    supervisor = asyncio.create_task(Supervisor(children, stop, GRACE_S, say).run())
    try:
        yield stop
    finally:
        stop.set()
        await supervisor
