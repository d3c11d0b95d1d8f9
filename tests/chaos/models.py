"""The simulated models, each a process of its own: told to misbehave, killed, started again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from streams.broker.ports import free_ports
from tests.chaos.processes import ROOT, clean_environment, die_with_parent
from tests.loop.system import toml

HTTP_S = 5.0
READY_S = 60.0
POLL_S = 0.1
NORMAL: Mapping[str, Any] = {
    "error_rate": 0.0,
    "hang_rate": 0.0,
    "garbage_rate": 0.0,
    "truncate_rate": 0.0,
}
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "model-hangs": {"hang_rate": 1.0},
    "model-garbage": {"garbage_rate": 1.0},
    "model-half-a-response": {"truncate_rate": 1.0},
    "model-429": {"error_rate": 1.0, "error_statuses": [429], "retry_after_s": 1},
    "model-503": {"error_rate": 1.0, "error_statuses": [503], "retry_after_s": 1},
}
ACCURACIES = (0.95, 0.85, 0.7)


class Models:
    """One process per model, on a port that stays its own."""

    def __init__(self, names: Sequence[str], directory: Path) -> None:
        """Takes ports; nothing runs before ``start``."""
        self._directory = directory
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._suffering = {name: asyncio.Lock() for name in names}

    def endpoint(self, name: str) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def protocol(self, name: str) -> str:
        """The last one of several speaks OpenAI's protocol, the others TGI's."""
        last = list(self._ports)[-1]
        return "openai" if name == last and len(self._ports) > 1 else "tgi"

    def _profile(self, name: str) -> Path:
        number = list(self._ports).index(name)
        model = {
            "name": name,
            "protocol": self.protocol(name),
            "accuracy": ACCURACIES[number % len(ACCURACIES)],
            "latency": {"median_s": 0.02 + 0.01 * number, "p95_s": 0.06 + 0.02 * number},
            "seed": number,
        }
        lines = "".join(f"{key} = {toml(value)}\n" for key, value in model.items())
        path = self._directory / f"model-{name}.toml"
        path.write_text(f"[[models]]\n{lines}")
        return path

    async def start(self) -> None:
        """Starts all; they answer when this returns."""
        for name in self._ports:
            self._spawn(name)
        async with asyncio.timeout(READY_S):
            await asyncio.gather(*map(self.answers, self._ports))

    def _spawn(self, name: str) -> None:
        command = [sys.executable, "-m", "agents.cli", "sim-model", str(self._profile(name))]
        with (self._directory / f"model-{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*command, "--port", str(self._ports[name])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=clean_environment(),
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls one function of libc
            )

    async def answers(self, name: str) -> None:
        """Returns once it does."""
        while True:
            if await self._listening(name):
                return
            await asyncio.sleep(POLL_S)

    async def _listening(self, name: str) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._ports[name])
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    async def change(self, name: str, patch: Mapping[str, Any]) -> None:
        """Changes its behaviour while it runs (see ``agents.simulation.profile``)."""
        timeout = aiohttp.ClientTimeout(total=HTTP_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            url = f"{self.endpoint(name)}/sim/profile"
            async with session.post(url, json=dict(patch)) as reply:
                reply.raise_for_status()

    async def suffer(self, name: str, kind: str, for_s: float) -> None:
        """Has this fault for so long, and is well again when this returns; one at a time."""
        async with self._suffering[name]:
            await self._suffer(name, kind, for_s)

    async def _suffer(self, name: str, kind: str, for_s: float) -> None:
        if kind == "model-down":
            self._processes[name].kill()
            self._processes[name].wait()
            await asyncio.sleep(for_s)
            self._spawn(name)
            await self.answers(name)
            return
        await self.change(name, {**NORMAL, **FAULTS[kind]})
        await asyncio.sleep(for_s)
        await self.change(name, NORMAL)

    def close(self) -> None:
        """Kills all."""
        for process in self._processes.values():
            process.kill()
            process.wait()
