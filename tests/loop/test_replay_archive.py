"""``zeta replay --archive``: the same as from the broker."""

from __future__ import annotations

import time
from pathlib import Path

from streams.archive.chain import Chain
from streams.archive.local import LocalStore
from streams.archive.publishing import PartitionArchive
from streams.history import open_history
from streams.settings import Archive
from tests.loop.commands import one_line
from tests.loop.replaying import Fields, Topics, copy, numbered, origin


async def archived(topics: Topics, topic: str, root: Path) -> None:
    """Publishes a topic as it is, in files of 40 records at most."""
    store = LocalStore(root)
    async with open_history(topics.kafka, [topic]) as log:
        for number in log.partitions(topic):
            chain = Chain(store, topic, number)
            chain.open(store.paths(topic), 0, log.end(topic, number))
            archive = PartitionArchive(store, chain, (), Archive(), time.monotonic)
            async for records in log.read(topic, number):
                for start in range(0, len(records), 40):
                    archive.take(records[start : start + 40])
                    archive.publish()


async def test_an_archive_is_replayed_as_the_topic_was(
    kafka_bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    root = tmp_path / "archive"
    async with Topics(kafka_bootstrap, prefix, tmp_path) as topics:
        await topics.make("source", 2)
        for number in range(2):
            odd: Fields = {"value": None, "key": b"gone", "headers": [("a", None), ("a", b"1")]}
            rows: list[Fields] = [odd, {"value": b"\xff"}, *numbered(100, 100 * number)]
            await topics.put("source", number, rows)
        await archived(topics, "source", root)
        assert len(list(root.rglob("*.parquet"))) > 4
        await topics.make("target", 2)
        run = ("--to", "target", "--run-id", "nightly")
        chosen = ("source", "--archive", str(root), *run)
        part = await topics.replayed(*chosen, "--until", "offset:50")
        rest = await topics.replayed(*chosen)
        assert (part["records"], rest["records"]) == (100, 104)
        before, after = await topics.read("source"), await topics.read("target")
        assert {n: [*map(copy, rows)] for n, rows in after.items()} == {
            n: [*map(copy, rows)] for n, rows in before.items()
        }
        for number, records in after.items():
            assert [origin(one).timestamp for one in records] == [
                one.timestamp for one in before[number]
            ]
        assert (await topics.replayed("source", *run))["records"] == 0, "the same run"
        second = before[0][50].timestamp
        found = await topics.replayed(*chosen, "--dry-run", "--run-id", "x", "--from", str(second))
        assert found["records"] == sum(
            len(rows) - next(i for i, one in enumerate(rows) if one.timestamp >= second)
            for rows in before.values()
        )
        unknown = await topics.replay("queries", "--archive", str(root), "--to", "target")
        assert "queries" in one_line(unknown, 1)


async def test_a_torn_file_is_named_and_the_run_can_go_on(
    kafka_bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    root = tmp_path / "archive"
    async with Topics(kafka_bootstrap, prefix, tmp_path) as topics:
        await topics.make("source", 1)
        await topics.put("source", 0, numbered(100))
        await archived(topics, "source", root)
        await topics.make("target", 1)
        torn = max(root.rglob("*.parquet"), key=lambda path: int(path.stem.split("-")[2]))
        whole = torn.read_bytes()
        torn.write_bytes(whole[: len(whole) // 2])
        chosen = ("source", "--archive", str(root), "--to", "target", "--run-id", "nightly")
        done = await topics.replay(*chosen)
        assert done.code == 1
        assert str(torn) in done.err
        assert "--run-id nightly" in done.err
        torn.write_bytes(whole)
        await topics.replayed(*chosen)
        (records,) = (await topics.read("target")).values()
        assert [origin(one).offset for one in records] == list(range(100))
