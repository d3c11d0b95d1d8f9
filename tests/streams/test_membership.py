"""Who owns a partition, and what becomes of work when that changes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.streams.consuming_program import Item
from tests.streams.harness import Lab, eventually


async def test_begun_work_is_waited_for_when_a_second_member_joins(
    lab: Lab, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    await lab.create(partitions=2)
    await lab.put(Item(n=n, gate=str(gate) if n == 0 else "") for n in range(40))
    first = lab.start(handler="serial")
    await eventually(lambda: 0 in first.begun(), "work in flight")
    second = lab.start()
    await eventually(
        lambda: (
            "Marking" in first.log.read_text()
            or "Revoking" in first.log.read_text().split("is ready")[1]
        ),
        "revocation",
    )
    assert not second.begun()
    assert all(
        offset == 0 or partition == 1 for partition, (offset, _) in (await lab.committed()).items()
    )
    gate.touch()
    await lab.all_copied(40)
    await lab.all_committed(20, 20)
    assert first.told("left"), "work not begun is left to the next owner"
    assert sorted(await lab.copied()) == list(range(40)), "and nothing is done twice"


async def test_work_that_outlasts_the_drain_is_done_again(lab: Lab, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    await lab.create(partitions=2)
    await lab.put(Item(n=n, gate=str(gate) if n in {4, 5} else "") for n in range(10))
    first = lab.start(drain_s=0.5)
    await lab.all_committed(2, 2)
    second = lab.start(drain_s=0.5)
    await eventually(lambda: {4, 5} & set(second.begun()) != set(), "taken over")
    assert await lab.commits() == [2, 2], "no commit passes a record that isn't done"
    gate.touch()
    await lab.all_copied(10)
    await lab.all_committed(5, 5)
    assert first.process.poll() is None


async def test_a_restarted_replica_gets_its_partitions_back_at_once(lab: Lab) -> None:
    await lab.create()
    first = lab.start(replica="0", session_timeout_s=30)
    await eventually(first.ready, "ready")
    first.kill()
    await lab.put([Item(n=0)])
    killed_at = time.monotonic()
    lab.start(replica="0", session_timeout_s=30)
    await lab.all_copied(1)
    assert time.monotonic() - killed_at < 10


async def test_of_two_processes_with_one_name_the_older_ends(lab: Lab) -> None:
    await lab.create(partitions=2)
    older = lab.start(replica="0")
    await eventually(older.ready, "ready")
    newer = lab.start(replica="0")
    assert await older.ended() == 1
    assert "another process runs as replica '0'" in older.log.read_text()
    await lab.put(Item(n=n) for n in range(20))
    await lab.all_copied(20)
    assert newer.process.poll() is None


async def test_two_members_with_names_of_their_own_live_together(lab: Lab) -> None:
    await lab.create(partitions=2)
    both = [lab.start(replica=name) for name in "01"]
    await lab.put(Item(n=n) for n in range(2))
    await eventually(lambda: all(p.ready() for p in both), "ready")
    await asyncio.gather(lab.all_copied(2), lab.all_committed(1, 1))
    await lab.put(Item(n=n) for n in range(2, 20))
    await eventually(lambda: all(len(p.begun()) >= 9 for p in both), "both work")
    assert [p.process.poll() for p in both] == [None, None]
