"""Doing what the schedule says, when it says it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from streams.broker.cluster import Cluster, ClusterNode
from tests.chaos.disk import SmallDisk
from tests.chaos.models import Models
from tests.chaos.processes import Fleet
from tests.chaos.schedule import Fault

REFILL_S = 0.25


@dataclass
class Injector:
    """Runs each fault as a task of its own; ``done`` counts them by kind.

    ``impossible`` names the kinds that this machine doesn't permit, with the reason.
    ``elections`` counts the times that the cluster's controller was another afterwards.
    """

    fleet: Fleet
    models: Models
    cluster: Cluster
    disk: SmallDisk
    say: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)
    impossible: dict[str, str] = field(default_factory=dict)
    elections: int = 0
    broker_kills: int = 0
    _broker: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, faults: Sequence[Fault]) -> None:
        """All of them; ends when the last is over."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(max(0.0, began + fault.at_s - time.monotonic()))
                group.create_task(self._inject(fault))

    async def _inject(self, fault: Fault) -> None:
        if fault.kind == "disk-full" and not self.disk.possible:
            self.impossible[fault.kind] = self.disk.problem
            self.say(f"not possible here: {fault.kind}: {self.disk.problem}")
            return
        self.say(f"{fault.at_s:6.1f} s  {fault.kind} {fault.target} {fault.for_s or ''}".rstrip())
        if fault.kind == "disk-full":
            await self._fill_disk(fault.for_s)
        elif fault.kind == "pause":
            await self.fleet.pause(fault.target, fault.for_s)
        elif fault.kind.startswith("model-"):
            await self.models.suffer(fault.target, fault.kind, fault.for_s)
        elif fault.kind in ("kill-broker", "kill-controller"):
            await self._kill_broker(fault)
        else:
            await self.fleet.kill(fault.target, renamed=fault.renamed)
        self.done[fault.kind] += 1

    async def _fill_disk(self, for_s: float) -> None:
        until = time.monotonic() + for_s
        try:
            while time.monotonic() < until:  # what others give back is taken as well
                await asyncio.to_thread(self.disk.fill)
                await asyncio.sleep(REFILL_S)
        finally:
            self.disk.free()

    async def _kill_broker(self, fault: Fault) -> None:
        async with self._broker:
            before = self.cluster.controller()
            node = before if fault.kind == "kill-controller" else self._named(fault.target)
            assert node is not None, "a cluster that runs has a controller"
            await asyncio.to_thread(node.kill)
            self.broker_kills += 1
            await asyncio.sleep(fault.for_s)
            await asyncio.to_thread(node.start)
            self.elections += self.cluster.controller() is not before

    def _named(self, name: str) -> ClusterNode:
        number = int(name.removeprefix("broker-"))
        return next(node for node in self.cluster.nodes if node.node_id == number)
