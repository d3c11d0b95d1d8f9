"""``zeta archive`` beside a running archiver, and on what is damaged."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from schemas.metric import Metric
from streams.archive.local import LocalStore
from streams.archive.naming import Part, parts_in
from tests.loop.archived import archived_to, check_same, on_broker, until_archived
from tests.loop.commands import Done, one_line, zeta
from tests.loop.system import ROOT, Process, System, chat
from tests.streams.archive.records import metric, record, write_part

Row = dict[str, Any]


@pytest.fixture
def root(system: System, tmp_path: Path) -> Path:
    """Where the archive is; small files, so that there are many."""
    system.tables["models.a"] = chat("http://127.0.0.1:1")
    system.tables["kafka"]["max_batch"] = 40
    system.tables["archive"] = {
        "directory": str(tmp_path / "archive"),
        "topics": ["metrics"],
        "roll_rows": 50,
        "roll_s": 0.3,
    }
    return tmp_path / "archive"


async def put(system: System, first: int, last: int) -> None:
    """Half of them on each partition."""
    for partition in range(2):
        events: list[Metric] = [metric(number) for number in range(first, last) if number % 2]
        await system.put_all("metrics", events, partition=partition, key=b"k")


async def archived(system: System, root: Path, count: int) -> None:
    """An archive of so many records, and no archiver any more."""
    await system.prepare()
    for first in range(0, count, 100):
        await put(system, first, first + 100)
    archiver = await system.spawn_ready("archiver")
    await until_archived(root, "metrics", count)
    assert await archiver.end() == 0


async def verified(system: System, root: Path, *options: str) -> tuple[Done, Row]:
    done = await zeta(system.file, "archive", "verify", str(root), "--json", *options)
    (row,) = done.json()
    assert (done.code == 0) == row["ok"], done
    return done, row


def kinds(row: Row) -> list[str]:
    return [finding["kind"] for finding in row["findings"]]


def files(root: Path) -> list[Part]:
    return parts_in(LocalStore(root).paths("metrics"))


async def test_beside_a_running_archiver(system: System, root: Path) -> None:
    """Compaction, pruning and a kill while records come; each is archived once."""
    await system.prepare()
    archiver = await system.spawn_ready("archiver")
    for first in range(0, 2000, 200):
        await put(system, first, first + 200)
        await until_archived(root, "metrics", first + 200)
        if first == 800:
            archiver.kill()
            archiver = await system.spawn_ready("archiver")
        if first % 400 == 0:
            done = await zeta(system.file, "archive", "compact", str(root), "--json")
            assert done.code == 0, done
            assert done.json(), "something was merged"
    assert await archiver.end() == 0
    await check_same(system, root, ["metrics"])
    _, row = await verified(system, root, "--broker", "--deep")
    assert not [kind for kind in kinds(row) if kind != "leftover"]
    assert [part["behind"] for part in row["partitions"]] == [0, 0]
    assert [part["rows"] for part in row["partitions"]] == [1000, 1000]
    again = await zeta(system.file, "archive", "compact", str(root))
    assert again.code == 0
    assert len(files(root)) == 2


async def test_what_was_pruned_is_not_archived_again(system: System, root: Path) -> None:
    await archived(system, root, 400)
    before = len(files(root))
    command = ("archive", "prune", str(root), "--older-than", "1m", "--json")
    assert (await zeta(system.file, *command)).out == "", "nothing is so old"
    for part in files(root)[:2]:
        _backdate(root, part)
    dry = await zeta(system.file, *command, "--dry-run")
    assert len(files(root)) == before
    archiver = await system.spawn_ready("archiver")
    done = await zeta(system.file, *command)
    assert [row["file"] for row in done.json()] == [row["file"] for row in dry.json()]
    assert len(files(root)) == before - 2
    _, row = await verified(system, root, "--broker")
    assert row["findings"] == []
    first = row["partitions"][0]
    gone = first["pruned_before"]
    assert gone == first["first"] > 0
    await put(system, 400, 500)
    await until_archived(root, "metrics", 500 - gone)
    archiver.kill()
    archiver = await system.spawn_ready("archiver")
    await put(system, 500, 600)
    await until_archived(root, "metrics", 600 - gone)
    assert await archiver.end() == 0
    assert min(part.first for part in files(root) if part.partition == 0) == gone
    assert archived_to(root, "metrics", 0) == 300
    assert set(kinds((await verified(system, root, "--broker"))[1])) <= {"leftover"}


def _backdate(root: Path, part: Part) -> None:
    """As if it had been archived long ago: its records are of 2026-09-21."""
    store = LocalStore(root)
    store.delete(part.path)
    records = [record(offset) for offset in range(part.first, part.last + 1)]
    write_part(store, "metrics", records, partition=part.partition)


async def test_behind_is_no_damage(system: System, root: Path) -> None:
    await archived(system, root, 100)
    await put(system, 100, 160)
    await system.put("rules", b"{}", key=b"code")
    _, row = await verified(system, root, "--broker")
    assert kinds(row) == ["behind", "behind"]
    assert [part["behind"] for part in row["partitions"]] == [30, 30]
    _, all_topics = await verified(system, root, "--broker", "--topic", "metrics")
    assert kinds(all_topics) == ["behind", "behind"]
    text = await zeta(system.file, "archive", "verify", str(root), "--broker")
    assert "behind: metrics, partition 0: behind by 30: offsets from 50 on" in text.out


async def _delete_before(system: System, offset: int) -> None:
    """As retention would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=system.bootstrap)
    await admin.start()
    try:
        where = TopicPartition(system.prefix + "metrics", 0)
        await admin.delete_records({where: RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def test_what_retention_took_from_the_broker_is_no_loss(system: System, root: Path) -> None:
    await archived(system, root, 100)
    await _delete_before(system, 40)
    assert (await verified(system, root, "--broker"))[1]["findings"] == []
    await put(system, 100, 200)
    await _delete_before(system, 60)
    done, row = await verified(system, root, "--broker")
    assert done.code == 1
    assert [f["problem"] for f in row["findings"] if f["kind"] == "gap"] == [
        "the broker has deleted offsets 50 to 59, which weren't archived"
    ]


async def test_a_record_that_is_on_the_broker_alone(system: System, root: Path) -> None:
    await archived(system, root, 100)
    assert len(await on_broker(system, "metrics")) == 100
    first = files(root)[0]
    store = LocalStore(root)
    store.delete(first.path)
    records = [record(offset) for offset in range(first.first, first.last + 1) if offset != 7]
    write_part(store, "metrics", records, last=first.last)
    _, alone = await verified(system, root)
    assert alone["partitions"][0]["holes"] == 1
    assert alone["ok"], "it could be a hole that Kafka's compaction left"
    _, row = await verified(system, root, "--broker")
    assert [f["problem"] for f in row["findings"]] == [
        "offset 7 is on the broker, and in no file, though 7 to 7 are between archived ones"
    ]


async def test_another_broker(system: System, root: Path) -> None:
    await system.prepare()
    write_part(LocalStore(root), "metrics", [record(offset) for offset in range(9)])
    write_part(LocalStore(root), "models.gone", [record(0)], types=())
    _, row = await verified(system, root, "--broker")
    assert sorted(kinds(row)) == ["absent", "missing"]
    assert not row["ok"]


async def test_damage_is_named_with_what_to_do(system: System, root: Path) -> None:
    await archived(system, root, 400)
    torn, gone = files(root)[1], files(root)[-2]
    os.truncate(root / torn.path, 100)
    (root / gone.path).unlink()
    (root / "metrics" / "notes.txt").write_text("x")
    done = await zeta(system.file, "archive", "verify", str(root))
    assert done.code == 1
    assert f"TORN: {torn.path}: can't be read" in done.out
    assert f"GAP: metrics, partition 1: offsets {gone.first} to {gone.last} are in no" in done.out
    assert "FOREIGN: metrics/notes.txt: " in done.out
    assert "restore it from a backup" in done.out
    assert "3 problems" in done.err
    before = files(root)
    assert torn.path in one_line(await zeta(system.file, "archive", "compact", str(root)), 1)
    assert files(root) == before


@pytest.mark.parametrize("command", ["verify", "compact", "prune"])
async def test_no_archive(system: System, tmp_path: Path, command: str) -> None:
    place = tmp_path / "nowhere"
    options = ["--older-than", "1d"] if command == "prune" else []
    done = await zeta(None, "archive", command, str(place), *options)
    assert one_line(done, 1) == f"zeta: {place}: there is no archive"
    assert not place.exists()
    topic = await zeta(None, "archive", command, str(place), "--topic", "metrix", *options)
    assert "no topic metrix" in one_line(topic, 1)


@pytest.mark.parametrize("age", ["30", "0d", "-1d", "d", "3w"])
async def test_an_age_that_is_none(tmp_path: Path, age: str) -> None:
    done = await zeta(None, "archive", "prune", str(tmp_path), f"--older-than={age}")
    assert one_line(done, 2) == f"zeta: --older-than: '{age}' is no age; write 30d, 12h or 90m"


async def test_a_compaction_that_is_killed(system: System, root: Path) -> None:
    """For real: SIGKILL at some moment, again and again; at the end all is there, once."""
    await archived(system, root, 1000)
    for turn in range(6):
        least = str(60 + 200 * turn)
        command = [sys.executable, "-m", "agents.cli", "archive", "compact", str(root)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        log = system.directory / "compact.log"
        process = Process([*command, "--min-rows", least], log, environment)
        system.processes.append(process)
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.process.wait, 0.7 + 0.1 * turn)
        process.kill()
        assert (await verified(system, root, "--deep"))[1]["ok"]
    assert (await zeta(system.file, "archive", "compact", str(root))).code == 0
    await check_same(system, root, ["metrics"])
