"""``zeta rebuild`` on a real broker: after kills, after tampering, after retention."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from agents.rebuilding import TOPICS
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION, encode
from streams.history import open_history
from tests.loop.archived import until_archived
from tests.loop.commands import Done, one_line, zeta
from tests.loop.system import System
from tests.loop.test_aggregator_kills import PARTITIONS, Load, prepared
from tests.loop.watching import Topic


@asynccontextmanager
async def loaded(system: System) -> AsyncIterator[None]:
    """Metrics come meanwhile."""
    task = asyncio.create_task(Load(system, 3).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def rebuild(system: System) -> tuple[Done, dict[str, Any]]:
    done = await zeta(system.file, "rebuild", "--json")
    (report,) = done.json()
    return done, report


async def lived(system: System) -> Topic[RoutingRule]:
    """Kills, a pin and its end, a change of the configuration; all that ran is dead after it."""
    system.tables["kafka"]["commit_interval_s"] = 0.7  # so that kills come before commits
    await prepared(system)
    log = await system.topic("rules-log", RoutingRule)
    running = {name: await system.spawn_ready(name) for name in ("aggregator", "tuner")}
    async with loaded(system):
        for number in range(3):
            wanted = len(log.events) + 4
            await log.until(lambda rules, n=wanted: len(rules) >= n, "rules", 30)  # type: ignore[misc]
            for name, process in running.items():
                process.kill()
                if number == 1:
                    system.tables["routing"]["exploration"] = 0.3
                    system.write()
                running[name] = system.spawn("run", name, "--replica", "0")
            action: Any = ("pin", "unpin", "freeze")[number]
            order = Control(task="code", action=action, model="b", issued_at=1)
            await system.put("controls", order, key=b"code")
        await log.until(
            lambda rules: (
                rules[-1].frozen
                and rules[-1].state.windows > 12
                and rules[-1].configuration_digest != rules[0].configuration_digest
            ),
            "frozen rules of the new configuration",
            60,
        )
    for process in running.values():
        process.kill()
    return log


async def test_it_reproduces_every_rule_after_kills_and_names_what_was_altered(
    system: System,
) -> None:
    log = await lived(system)
    done, report = await rebuild(system)
    assert (done.code, report["ok"], report["difference"]) == (0, True, None)
    assert report["starts"][0]["kind"] == "beginning"
    assert report["rules"] + report["copies"] >= len(log.events)
    assert report["rules"] == log.events[-1].version
    digests = {rule.configuration_digest for rule in log.events}
    assert len(digests) == 2, "the configuration changed in the middle"
    assert {rule.pinned for rule in log.events} == {None, "b"}

    old = log.events[5]
    altered = msgspec.structs.replace(old, weights={"a": MILLION})
    where = await system.put("rules-log", altered, key=b"code")
    done, report = await rebuild(system)
    found = report["difference"]
    assert (done.code, report["ok"], found["offset"]) == (1, False, where.offset)
    assert (found["task"], found["version"]) == ("code", old.version)
    assert found["fields"][0]["field"].startswith("weights.")
    told = await zeta(system.file, "rebuild")
    assert told.code == 1
    assert f"rules-log offset {where.offset}, code rule {old.version}" in told.out
    assert "weights." in told.out


async def offsets_since(system: System, at: int) -> dict[int, int]:
    """By partition of metrics, the first offset from then on."""
    found: dict[int, int] = {}
    async with open_history(system.settings.kafka, ["metrics"]) as past:
        for number in range(PARTITIONS):
            async for records in past.read("metrics", number):
                for record in records:
                    if record.timestamp >= at:
                        found.setdefault(number, record.offset)
    return found


async def delete_records(system: System, topic: str, offsets: dict[int, int]) -> None:
    """Takes what is before these offsets, as retention would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=system.bootstrap)
    await admin.start()
    try:
        await admin.delete_records(
            {
                TopicPartition(system.prefix + topic, number): RecordsToDelete(before_offset=offset)
                for number, offset in offsets.items()
            }
        )
    finally:
        await admin.close()


async def test_without_the_first_metrics_it_starts_at_a_checkpoint(system: System) -> None:
    log = await lived(system)
    middle = log.events[len(log.events) // 2]
    _, whole = await rebuild(system)
    await delete_records(system, "metrics", await offsets_since(system, middle.window_end_at))
    done, report = await rebuild(system)
    assert (done.code, report["difference"]) == (0, None)
    (start,) = report["starts"]
    assert start["kind"] == "checkpoint"
    # An order's rule has the window of the rule before it, which is as good a checkpoint.
    (checkpoint,) = {rule.window_end_at for rule in log.events if rule.version == start["version"]}
    assert checkpoint >= middle.window_end_at
    assert start["reason"] == "metrics of its window are gone"
    assert 3 < report["rules"] < whole["rules"]
    assert report["rules"] == log.events[-1].version - start["version"]
    told = await zeta(system.file, "rebuild")
    assert f"code: from the checkpoint in rule {start['version']} " in told.out

    last = msgspec.structs.replace(log.events[-1], reason="because")
    await system.put("rules-log", encode(last), key=b"code")
    done, report = await rebuild(system)
    assert (done.code, report["difference"]["version"]) == (1, last.version)


async def test_empty_topics_are_fine_and_missing_ones_named(system: System) -> None:
    await prepared(system)
    done, report = await rebuild(system)
    assert (done.code, report["ok"], report["starts"], report["rules"]) == (0, True, [], 0)
    told = await zeta(system.file, "rebuild")
    assert "no rules on rules-log yet" in told.out
    admin = AIOKafkaAdminClient(bootstrap_servers=system.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([system.prefix + "controls"])
    finally:
        await admin.close()
    missing = await zeta(system.file, "rebuild")
    assert f"topic {system.prefix}controls does not exist" in one_line(missing, 1)


async def test_an_archive_is_rebuilt_from_and_may_end_anywhere(
    system: System, tmp_path: Path
) -> None:
    root = tmp_path / "archive"
    system.tables["archive"] = {"directory": str(root), "roll_s": 0.5, "roll_rows": 100}
    system.tables["kafka"]["max_batch"] = 50  # so that there is more than one file
    log = await lived(system)
    archiver = await system.spawn_ready("archiver")
    for topic in TOPICS:
        async with open_history(system.settings.kafka, [topic]) as past:
            ends = sum(past.end(topic, number) for number in past.partitions(topic))
        await until_archived(root, topic, ends)
    assert await archiver.end() == 0
    done = await zeta(system.file, "rebuild", "--archive", str(root), "--json")
    (report,) = done.json()
    assert (done.code, report["difference"], report["ended"]) == (0, None, None)
    assert report["rules"] == log.events[-1].version

    parts = sorted((root / "metrics").glob("date=*/part-0-*.parquet"), key=_first_offset)
    assert len(parts) > 1
    for part in parts[len(parts) // 2 :]:
        part.unlink()
    done = await zeta(system.file, "rebuild", "--archive", str(root), "--json")
    (report,) = done.json()
    assert (done.code, report["difference"]) == (0, None), report["difference"]
    assert report["ended"].startswith("metrics-0 ends before the window")
    assert 0 < report["rules"] < log.events[-1].version

    for part in (root / "metrics").glob("date=*/part-0-*.parquet"):
        part.unlink()
    done = await zeta(system.file, "rebuild", "--archive", str(root), "--json")
    (report,) = done.json()
    assert (done.code, report["rules"]) == (0, 1), "what a control alone leads to"
    assert report["ended"] == f"{PARTITIONS - 1} of {PARTITIONS} partitions of metrics are there"

    shutil.rmtree(root / "scores")
    missing = await zeta(system.file, "rebuild", "--archive", str(root))
    assert "scores" in one_line(missing, 1)


def _first_offset(part: Path) -> int:
    return int(part.name.split("-")[2])
