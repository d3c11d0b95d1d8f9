"""The archiver publishes each record once, whatever is killed when, and whoever comes back."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from agents.archiver import Archiver, build_archiver
from schemas.metric import Metric
from schemas.wire import encode
from streams.archive.local import LocalStore
from streams.archive.naming import TEMPORARY
from tests.loop.archived import archived_to, check_same, count_in, until_archived
from tests.loop.archiver_program import STEPS
from tests.loop.system import ROOT, Process, System, _stopped, chat
from tests.loop.watching import until
from tests.streams.archive.records import metric

PARTITIONS = 2
COUNT = 4000


@pytest.fixture
def root(system: System, tmp_path: Path) -> Path:
    """Where the archive is; small files, so that there are many."""
    system.tables["kafka"]["partitions"] = PARTITIONS
    system.tables["models.a"] = chat("http://127.0.0.1:1")
    system.tables["archive"] = {
        "directory": str(tmp_path / "archive"),
        "topics": ["metrics"],
        "roll_rows": 300,
        "roll_s": 0.5,
    }
    return tmp_path / "archive"


async def put_metrics(system: System, first: int, last: int) -> None:
    for partition in range(PARTITIONS):
        events: list[Metric] = [
            metric(number) for number in range(first, last) if number % PARTITIONS == partition
        ]
        await system.put_all("metrics", events, partition=partition, key=b"k", headers=[("h", b"")])


def program(
    system: System, step: str = "none", nth: int = 1, number: str = "SIGKILL", replica: str = "0"
) -> Process:
    """The archiver with a step at which it is to be killed or stopped."""
    command = [sys.executable, "-m", "tests.loop.archiver_program", str(system.file)]
    log = system.directory / f"archiver-{len(system.processes)}.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = Process([*command, replica, number, step, str(nth)], log, environment)
    system.processes.append(process)
    return process


def is_stopped(process: Process) -> bool:
    """Whether it has been stopped by a signal."""
    status = Path(f"/proc/{process.process.pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] == "T"


async def commits(system: System) -> dict[int, int]:
    """The group's commits, by partition of ``metrics``."""
    admin = AIOKafkaAdminClient(bootstrap_servers=system.bootstrap)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(system.prefix + "archiver")
    finally:
        await admin.close()
    return {tp.partition: entry.offset for tp, entry in found.items()}


@pytest.mark.parametrize("nth", [1, 4])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_each_step(system: System, root: Path, step: str, nth: int) -> None:
    system.tables["kafka"]["max_batch"] = 100
    await system.prepare()
    await put_metrics(system, 0, COUNT)
    killed = program(system, step, nth)
    await until(lambda: killed.process.poll() is not None, f"killed {step}")
    assert killed.process.returncode == -signal.SIGKILL, killed.log.read_text()
    assert count_in(root, "metrics") < COUNT
    for partition, offset in (await commits(system)).items():
        assert offset <= archived_to(root, "metrics", partition), "a commit tells what is archived"
    again = program(system)
    await put_metrics(system, COUNT, COUNT + 500)
    await until_archived(root, "metrics", COUNT + 500)
    assert await again.end() == 0, again.log.read_text()
    await check_same(system, root, ["metrics"])
    half = (COUNT + 500) // PARTITIONS
    assert await commits(system) == dict.fromkeys(range(PARTITIONS), half)


async def test_a_commit_lost_with_the_last_file_is_made_up_though_nothing_more_comes(
    system: System, root: Path
) -> None:
    """Or its lag would be told for ever."""
    await system.prepare()
    await system.put_all("metrics", [metric(n) for n in range(300)], partition=0, key=b"k")
    killed = program(system, "after the rename")
    await until(lambda: killed.process.poll() is not None, "killed")
    assert count_in(root, "metrics") == 300, "all was published"
    assert not await commits(system)
    again = await system.spawn_ready("archiver")
    assert await again.end() == 0, again.log.read_text()
    assert await commits(system) == {0: 300}
    await check_same(system, root, ["metrics"])


@pytest.mark.parametrize("step", ["in the temporary file", "before the claim", "after the claim"])
async def test_a_zombie_and_its_successor(system: System, root: Path, step: str) -> None:
    """One sleeps past its session, with records in its hands; the other takes over."""
    system.tables["kafka"]["max_batch"] = 100
    await system.prepare()
    await put_metrics(system, 0, 2000)
    zombie = program(system, step, 3, "SIGSTOP")
    await until(lambda: is_stopped(zombie), step)
    held = count_in(root, "metrics")
    assert 0 < held < 2000
    successor = program(system, replica="1")
    await put_metrics(system, 2000, 3000)
    await until_archived(root, "metrics", 3000)
    zombie.process.send_signal(signal.SIGCONT)
    await put_metrics(system, 3000, 4000)
    await until_archived(root, "metrics", 4000)
    for process in (zombie, successor):
        assert await process.end() == 0, process.log.read_text()
    await check_same(system, root, ["metrics"])


async def test_what_is_odd_is_kept(system: System, root: Path) -> None:
    await system.prepare()
    await system.put("metrics", b"\xff not JSON", partition=0, key=None)
    await system.put("metrics", None, partition=0, key=b"a tombstone")
    await system.put("metrics", b"", partition=0, headers=[("h", b"1"), ("h", b"2")])
    await system.put("metrics", encode(metric(1))[:-1] + b',"x":1}', partition=1)
    await system.put("metrics", metric(2), partition=1)
    archiver = await system.spawn_ready("archiver")
    await until_archived(root, "metrics", 5)
    assert await archiver.end() == 0, archiver.log.read_text()
    await check_same(system, root, ["metrics"])
    store = LocalStore(root)
    assert not [path for path in store.paths() if TEMPORARY in path]


async def test_what_is_held_is_published_at_the_end(system: System, root: Path) -> None:
    system.tables["archive"]["roll_s"] = 1000.0
    await system.prepare()
    await put_metrics(system, 0, 1)
    app = build_archiver(system.settings)
    (archiver,) = [row for row in app.before_agents if isinstance(row, Archiver)]
    await app.start()
    try:
        await until(lambda: archiver.held_bytes, "a record is held")
        assert count_in(root, "metrics") == 0
    finally:
        await _stopped(app)
    await check_same(system, root, ["metrics"])
    assert await commits(system) == {0: 1}


async def test_members_come_and_go(system: System, root: Path) -> None:
    await system.prepare()
    first = await system.spawn_ready("archiver", "0")
    await put_metrics(system, 0, 1000)
    second = await system.spawn_ready("archiver", "1")
    await put_metrics(system, 1000, 2000)
    assert await first.end() == 0, first.log.read_text()
    await put_metrics(system, 2000, 3000)
    await until_archived(root, "metrics", 3000)
    assert await second.end() == 0, second.log.read_text()
    await check_same(system, root, ["metrics"])


async def test_every_topic_of_the_table(system: System, root: Path) -> None:
    system.tables["archive"]["topics"] = []
    await system.prepare()
    await system.put("models.a", b"{}", partition=0)
    await system.put("rules", None, key=b"code")
    archiver = await system.spawn_ready("archiver")
    await until_archived(root, "models.a", 1)
    await until_archived(root, "rules", 1)
    assert await archiver.end() == 0
    await check_same(system, root, ["models.a", "rules"])


async def test_a_topic_that_is_not_there(system: System, root: Path) -> None:
    await system.prepare()
    system.tables["archive"]["topics"] = ["metrics", "metrix"]
    system.write()
    archiver = system.spawn("run", "archiver")
    await until(lambda: archiver.process.poll() is not None, "the end")
    assert archiver.process.returncode == 1
    assert f"topic {system.prefix}metrix does not exist" in archiver.log.read_text()


async def test_no_directory(system: System, root: Path) -> None:
    del system.tables["archive"]
    await system.prepare()
    archiver = system.spawn("run", "archiver")
    await until(lambda: archiver.process.poll() is not None, "the end")
    assert archiver.process.returncode == 2
    assert "archive.directory: is missing" in archiver.log.read_text()
