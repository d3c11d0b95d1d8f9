"""How far a process is that is measured: by its group's commits, or by what it writes."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import GroupCoordinatorNotAvailableError

from agents.benchmarks.processes import BenchError, Running
from agents.benchmarks.town import Town
from streams.connecting import connection

POLL_S = 0.02
STALLED_S = 60.0
SEEN = re.compile(r"seen (\d+\.\d+) (\d+)")


@dataclass
class Progress:
    """Instants (seconds, monotonic) and how many records were done by then."""

    samples: list[tuple[float, int]] = field(default_factory=list)

    def rate(self, total: int, skip: float = 0.1) -> float:
        """Records per second, without the first ``skip`` of them, in which a process warms up."""
        first = next(sample for sample in self.samples if sample[1] >= skip * total)
        last = next(sample for sample in self.samples if sample[1] >= total)
        if last[0] <= first[0]:
            raise BenchError("too few records for a rate; ask for more")
        return (last[1] - first[1]) / (last[0] - first[0])


async def committed(town: Town, group: str, total: int, *watched: Running) -> Progress:
    """Follows a group's commits until ``total`` records are committed.

    Raises:
        BenchError: one of the processes ended, or nothing was committed for a minute.
    """
    progress = Progress()
    admin = AIOKafkaAdminClient(**connection(town.settings.kafka))
    await admin.start()
    try:
        moved_s, done = time.monotonic(), -1
        while done < total:
            for process in watched:
                process.check()
            found = await _sum(admin, town.settings.kafka.prefix + group)
            now_s = time.monotonic()
            if found > done:
                moved_s, done = now_s, found
            elif now_s - moved_s > STALLED_S:
                raise BenchError(f"{group} stands still at {done} of {total}")
            progress.samples.append((now_s, found))
            await asyncio.sleep(POLL_S)
    finally:
        await admin.close()
    return progress


async def shared(town: Town, group: str, *members: Running) -> None:
    """Returns once each of a group's members has partitions.

    Raises:
        BenchError: one has ended, or they don't within a minute.
    """
    deadline = time.monotonic() + STALLED_S
    admin = AIOKafkaAdminClient(**connection(town.settings.kafka))
    await admin.start()
    try:
        while (found := await _with_partitions(admin, town.settings.kafka.prefix + group)) < len(
            members
        ):
            for process in members:
                process.check()
            if time.monotonic() > deadline:
                raise BenchError(f"{found} of {len(members)} members of {group} have partitions")
            await asyncio.sleep(POLL_S)
    finally:
        await admin.close()


async def _with_partitions(admin: AIOKafkaAdminClient, group: str) -> int:
    try:
        replies = await admin.describe_consumer_groups([group])
    except GroupCoordinatorNotAvailableError:  # of a new broker's first group
        return 0
    members = [member for reply in replies for row in reply.groups for member in row[5]]
    assigned = [ConsumerProtocol.ASSIGNMENT.decode(member[-1]) for member in members if member[-1]]
    return sum(bool(one.assignment and one.assignment[0][1]) for one in assigned)


async def _sum(admin: AIOKafkaAdminClient, group: str) -> int:
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:  # of a new broker's first group
        return 0
    return sum(max(0, row.offset) for row in offsets.values())


async def counted(process: Running, total: int) -> Progress:
    """Follows a process that writes ``seen <instant> <how many>`` until it has seen ``total``.

    Raises:
        BenchError: it ended, or saw nothing for a minute.
    """
    moved_s, done = time.monotonic(), 0
    while True:
        process.check()
        progress = seen(process.log)
        found = progress.samples[-1][1] if progress.samples else 0
        if found >= total:
            return progress
        if found > done:
            moved_s, done = time.monotonic(), found
        elif time.monotonic() - moved_s > STALLED_S:
            raise BenchError(f"{process.name} stands still at {done} of {total}")
        await asyncio.sleep(0.1)


def seen(log: Path) -> Progress:
    """What such a process has written; Faust puts its own words before it."""
    found = SEEN.findall(log.read_text(errors="replace"))
    return Progress([(float(at_s), int(count)) for at_s, count in found])
