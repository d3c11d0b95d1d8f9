"""How a process starts, stops and ends."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from contextlib import closing
from pathlib import Path

from streams.app import build_app, run_app
from streams.broker.ephemeral import EphemeralBroker
from streams.collecting import COLLECTED_AFTER
from streams.settings import Settings
from tests.streams.consuming_program import Item
from tests.streams.harness import Lab, eventually


async def test_sigterm_drains_commits_and_ends_with_0(lab: Lab, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    await lab.create(partitions=2)
    await lab.put(Item(n=n, gate=str(gate) if n == 0 else "") for n in range(40))
    first = lab.start(replica="0")
    await eventually(lambda: len(first.begun()) == 40, "all begun")
    first.terminate()
    await eventually(lambda: "Stopping" in first.log.read_text(), "stopping")
    gate.touch()
    assert await first.ended() == 0
    assert await lab.commits() == [20, 20]
    assert sorted(await lab.copied()) == list(range(40))
    second = lab.start(replica="0")
    await lab.put([Item(n=40), Item(n=41)])
    await lab.all_copied(42)
    assert sorted(second.begun()) == [40, 41], "nothing is read again"


async def test_what_a_start_has_made_is_out_of_the_collectors_sight() -> None:
    usual = gc.get_threshold()
    app = build_app(Settings(), "nothing")
    app.before_agents = ()
    running = asyncio.create_task(run_app(app))
    try:
        await eventually(lambda: gc.get_freeze_count() > 1000, "frozen")
        assert gc.get_threshold()[0] == COLLECTED_AFTER
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)


async def test_sigterm_waits_no_longer_than_the_drain(lab: Lab, tmp_path: Path) -> None:
    await lab.create()
    await lab.put(Item(n=n, gate=str(tmp_path / "never") if n == 3 else "") for n in range(6))
    program = lab.start(drain_s=1)
    await lab.all_committed(3)
    asked_at = time.monotonic()
    program.terminate()
    assert await program.ended() == 0
    assert time.monotonic() - asked_at < 3
    assert await lab.commits() == [3]


async def test_sigterm_during_the_start_ends_at_once(lab: Lab, tmp_path: Path) -> None:
    await lab.create()
    await lab.put([Item(n=0, gate=str(tmp_path / "never"))])
    first = lab.start(drain_s=20)
    await eventually(lambda: bool(first.begun()), "work")
    second = lab.start(drain_s=20)  # the first one's drain holds it back
    await eventually(lambda: "joining group" in second.log.read_text(), "joining")
    asked_at = time.monotonic()
    second.terminate()
    assert await second.ended() == 0
    assert time.monotonic() - asked_at < 7


async def test_a_start_without_a_broker_ends_with_1(tmp_path: Path) -> None:
    lab = Lab("127.0.0.1:1", "", tmp_path)
    program = lab.start()
    assert await program.ended() == 1
    assert "ended: KafkaConnectionError" in program.log.read_text()


async def test_a_restart_of_the_broker_loses_nothing(
    own_broker: EphemeralBroker, tmp_path: Path, prefix: str
) -> None:
    with closing(Lab(own_broker.bootstrap, prefix, tmp_path)) as lab:
        await lab.create(partitions=2)
        await lab.put(Item(n=n, sleep_s=0.002) for n in range(1000))
        program = lab.start(handler="serial", max_batch=20)
        await eventually(lambda: len(program.begun()) > 200, "work")
        own_broker.kill()
        own_broker.start()
        await lab.all_copied(1000)
        await lab.all_committed(500, 500)
        assert program.process.poll() is None, "it survives"
