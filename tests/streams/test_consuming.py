"""At least once, whatever dies when: real processes, a real broker, SIGKILL."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.streams.consuming_program import Item
from tests.streams.harness import Lab, eventually, never

SEED = 20


@pytest.mark.parametrize(
    ("count", "slow"),
    [(1, 0), (10, 9), (10, 3)],
    ids=["only record ever", "last of the partition", "slow among fast"],
)
async def test_a_record_that_is_open_at_the_kill_is_done_by_the_next_process(
    lab: Lab, tmp_path: Path, count: int, slow: int
) -> None:
    gate = tmp_path / "gate"
    await lab.create()
    await lab.put(Item(n=n, gate=str(gate) if n == slow else "") for n in range(count))
    replica = "0" if slow else ""  # with a name the next start needn't wait for the session
    first = lab.start(replica=replica)
    await eventually(lambda: len(first.begun()) == count, "all begun")
    if slow:
        await lab.all_committed(slow)
    first.kill()
    assert await lab.commits() == ([slow] if slow else [])
    gate.touch()
    lab.start(replica=replica)
    await lab.all_copied(count)
    await lab.all_committed(count)


async def test_nothing_is_lost_by_kills_during_start_up(lab: Lab) -> None:
    await lab.create(partitions=2)
    await lab.put(Item(n=n) for n in range(200))
    moments = random.Random(SEED)
    for _ in range(5):
        program = lab.start(replica="0")
        await eventually(lambda p=program: bool(p.told("starting")), "start")  # type: ignore[misc]
        await asyncio.sleep(moments.uniform(0, 1))  # the moment of the kill is what is tested
        program.kill()
    lab.start(replica="0")
    await lab.all_copied(200)
    await lab.all_committed(100, 100)


async def test_a_handler_that_raises_ends_the_process_before_the_commit(
    lab: Lab, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    await lab.create()
    await lab.put(Item(n=n, fail_until=str(mended) if n == 7 else "") for n in range(20))
    for handler in ("serial", "concurrent"):
        program = lab.start(handler=handler)
        assert await program.ended() == 1
        assert "told to fail at 7" in program.log.read_text()
        assert all(offset <= 7 for offset in await lab.commits())
    mended.touch()
    lab.start()
    await lab.all_copied(20)
    await lab.all_committed(20)


async def test_a_single_partition_that_is_full_gets_no_more(lab: Lab, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    await lab.create()
    await lab.put(Item(n=n, gate=str(gate)) for n in range(500))
    program = lab.start(max_in_flight=50, max_batch=20)
    await eventually(lambda: len(program.begun()) >= 50, "the limit is reached")
    await never(lambda: len(program.begun()) > 50 + 20 - 1, "more than the limit are held")
    gate.touch()
    await lab.all_committed(500)
    assert program.begun() == list(range(500))


async def test_memory_is_bounded_and_a_paused_partition_goes_on(lab: Lab, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    await lab.create(partitions=2)
    await lab.put((Item(n=n, gate=str(gate)) for n in range(500)), partition=0)
    program = lab.start(max_in_flight=50, max_batch=20)
    await eventually(lambda: len(program.begun()) >= 50, "the limit is reached")
    await never(lambda: len(program.begun()) > 50 + 20 - 1, "more than the limit are held")
    await lab.put((Item(n=n) for n in range(500, 510)), partition=1)
    await eventually(lambda: 509 in program.begun(), "the other partition goes on")
    gate.touch()
    await lab.all_committed(500, 10)
    assert sorted(await lab.copied()) == list(range(510))
    on_first = [n for n in program.begun() if n < 500]
    assert on_first == list(range(500)), "handed out in order, nothing skipped or twice"


async def test_memory_is_bounded_in_bytes_too(lab: Lab, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    await lab.create(partitions=2)
    large = "x" * 10_000
    items = [Item(n=n, gate=str(gate), padding=large) for n in range(200)]
    await lab.put(items, partition=0)
    program = lab.start(max_in_flight_bytes=300_000, max_batch=10)
    await eventually(lambda: len(program.begun()) >= 30, "the limit is reached")
    await never(lambda: len(program.begun()) > 30 + 10, "more than the limit are held")
    await lab.put((Item(n=n) for n in range(200, 203)), partition=1)
    await eventually(lambda: 202 in program.begun(), "a partition that holds nothing goes on")
    gate.touch()
    await lab.all_committed(200, 3)
    assert sorted(await lab.copied()) == list(range(203))


async def test_a_slow_handler_causes_no_rebalance(lab: Lab) -> None:
    await lab.create()
    await lab.put([Item(n=0, sleep_s=8), Item(n=1)])
    # The second record finds the partition full, so the first one's time passes without any.
    limits = {"session_timeout_s": 6, "poll_interval_s": 2, "max_in_flight": 1, "max_batch": 1}
    programs = [lab.start(handler="serial", **limits)]
    await lab.all_committed(2, within_s=20)
    assert await lab.copied() == [0, 1]
    assert programs[0].begun() == [0, 1]
    # The first join calls it once, with nothing.
    assert [fact["count"] for fact in programs[0].told("revoked")] == [0]


async def test_an_anchor_says_where_a_restart_begins(lab: Lab) -> None:
    await lab.create()
    await lab.put(Item(n=n) for n in range(25))
    first = lab.start(replica="0", handler="anchoring")
    await lab.all_committed(20)
    assert await lab.committed() == {0: (20, "window 2")}
    first.kill()
    second = lab.start(replica="0", handler="anchoring", rewind=7)
    await eventually(lambda: len(second.begun()) == 12, "reads from 20 - 7")
    assert second.begun() == list(range(13, 25))


async def test_a_seek_that_fails_ends_the_process(lab: Lab) -> None:
    await lab.create()
    program = lab.start(rewind=-1)
    assert await program.ended() == 1
    assert "seek was told to fail" in program.log.read_text()


async def test_a_storm_of_kills_loses_nothing(lab: Lab) -> None:
    count, kills = 5000, 6
    chance = random.Random(SEED)
    await lab.create(partitions=4)
    await lab.put(Item(n=n, sleep_s=0.001) for n in range(count))
    options: dict[str, Any] = {"handler": "serial", "max_batch": 50, "session_timeout_s": 6}
    members = [lab.start(replica=name, **options) for name in "01"]
    for _ in range(kills):
        victim = chance.randrange(2)
        enough = chance.randrange(1, 400)
        await eventually(lambda p=members[victim], k=enough: len(p.begun()) >= k, "work")  # type: ignore[misc]
        members[victim].kill()
        members[victim] = lab.start(replica=str(victim), **options)
    numbers = await lab.all_copied(count, within_s=60)
    assert set(numbers) == set(range(count))
    print(f"\nstorm: {len(numbers) - count} duplicates of {count} after {kills} kills")
    await lab.all_committed(*[count // 4] * 4)
