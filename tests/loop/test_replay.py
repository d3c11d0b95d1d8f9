"""``zeta replay`` on a real broker: what stays as it is, what is chosen, what is refused."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from streams.broker import ephemeral
from tests.loop.commands import one_line
from tests.loop.replaying import Fields, Topics, copy, numbered, origin

START = 1_762_000_000_000


@pytest_asyncio.fixture
async def topics(kafka_bootstrap: str, prefix: str, tmp_path: Path) -> AsyncIterator[Topics]:
    async with Topics(kafka_bootstrap, prefix, tmp_path) as made:
        yield made


async def filled(topics: Topics, partitions: int = 3) -> None:
    """A source with everything that a record can be, times out of order."""
    await topics.make("source", partitions)
    for number in range(partitions):
        rows: list[Fields] = [
            {"value": b"no json", "key": None, "timestamp_ms": START + 5_000},
            {"value": None, "key": b"gone", "timestamp_ms": START + 4_000},
            {"value": b"", "key": b"", "timestamp_ms": START + 6_000},
            {
                "value": b'{"task": "code"}',
                "headers": [("a", b"1"), ("b", None), ("a", b""), ("zeta-replay", b"old")],
                "timestamp_ms": START + 7_000,
            },
            *numbered(20, number * 100, timestamp_ms=START + 8_000 + number),
        ]
        await topics.put("source", number, rows)


@pytest.mark.parametrize("partitions", [3, 2, 4])
async def test_records_stay_as_they_are_in_the_order_of_their_partition(
    topics: Topics, partitions: int
) -> None:
    await filled(topics)
    await topics.make("target", partitions)
    began = int(time.time() * 1000)
    outcome = await topics.replayed("source", "--to", "target")
    before, after = await topics.read("source"), await topics.read("target")
    assert outcome["records"] == sum(map(len, before.values())) == sum(map(len, after.values()))
    for number, records in before.items():
        there = [one for one in after[number % partitions] if origin(one).partition == number]
        assert [copy(one) for one in there] == [copy(one) for one in records]
        for old, new in zip(records, there, strict=True):
            told = origin(new)
            assert (told.run, told.topic) == (outcome["run"], "source")
            assert (told.offset, told.timestamp) == (old.offset, old.timestamp)
            assert new.headers[-1][0] == "zeta-replay"
            assert [name for name, _ in new.headers].count("zeta-replay") == 1
            assert began <= told.started <= new.timestamp <= int(time.time() * 1000)


async def test_by_key_a_key_has_one_partition(topics: Topics) -> None:
    await topics.make("source", 2)
    await topics.put("source", 0, numbered(50))
    await topics.put("source", 1, numbered(50, 50))
    await topics.make("target", 5)
    outcome = await topics.replayed("source", "--to", "target", "--by-key", "--run-id", "x")
    assert outcome["records"] == 100
    homes: dict[bytes | None, set[int]] = {}
    for number, records in (await topics.read("target")).items():
        for record in records:
            homes.setdefault(record.key, set()).add(number)
    assert len(homes) == 7
    assert all(len(home) == 1 for home in homes.values())
    again = await topics.replayed("source", "--to", "target", "--by-key", "--run-id", "x")
    assert (again["records"], again["partitions"][0]["already"]) == (0, 50)
    assert await topics.count("target") == 100


async def test_timestamps_are_kept_when_asked(topics: Topics) -> None:
    await filled(topics)
    await topics.make("target", 3)
    keep = ("source", "--to", "target", "--keep-timestamps", "--run-id", "sandbox")
    first = await topics.replayed(*keep)
    before, after = await topics.read("source"), await topics.read("target")
    for number, records in before.items():
        assert [one.timestamp for one in after[number]] == [one.timestamp for one in records]
    assert first["partitions"][0]["first_at"] == START + 4_000
    assert (await topics.replayed(*keep))["records"] == 0
    await topics.make("stamping", 3, message_timestamp_type="LogAppendTime")
    line = one_line(await topics.replay("source", "--to", "stamping", "--keep-timestamps"), 2)
    assert "--keep-timestamps" in line


async def test_a_dry_run_counts_and_sends_nothing(topics: Topics) -> None:
    await filled(topics)
    await topics.make("target", 3)
    chosen = ("source", "--to", "target", "--filter", "task=code", "--dry-run")
    outcome = await topics.replayed(*chosen)
    assert (outcome["dry_run"], outcome["records"]) == (True, 3)
    assert outcome["bytes"] == 3 * len(b'{"task": "code"}')
    (part, *_) = outcome["partitions"]
    assert (part["start"], part["end"], part["read"], part["matched"]) == (0, 24, 24, 1)
    assert part["first_at"] == part["last_at"] == START + 7_000
    told = await topics.replay(*chosen)
    assert (told.code, "3 records to send" in told.err) == (0, True)
    assert "2025-11-01T12:26:47.000Z" in told.out
    assert await topics.count("target") == 0


async def test_ranges_by_offset_and_time_and_partition(topics: Topics) -> None:
    await topics.make("source", 2)
    for number in range(2):
        rows = [{"value": b"x", "timestamp_ms": START + 1000 * step} for step in range(10)]
        await topics.put("source", number, rows)
    await topics.make("target", 2)

    async def counts(*arguments: str) -> list[int]:
        outcome = await topics.replayed("source", "--to", "target", "--dry-run", *arguments)
        return [part["records"] for part in outcome["partitions"]]

    assert await counts("--from", "offset:4", "--until", "offset:6") == [2, 2]
    assert await counts("--from", str(START + 3000), "--partition", "1") == [7]
    assert await counts("--from", "2025-11-01T12:26:42.500Z") == [7, 7]
    assert await counts("--until", "2025-11-01T13:26:42+01:00") == [2, 2]
    assert await counts("--until", "-1d") == [10, 10]
    assert await counts("--speed", "0.001") == [10, 10], "a dry run doesn't wait"
    alone = await topics.replayed("source", "--dry-run")
    assert alone["records"] == 20


async def test_it_takes_its_time(topics: Topics) -> None:
    await topics.make("source", 1)
    rows = [{"value": b"x", "timestamp_ms": START + 1000 * step} for step in range(5)]
    await topics.put("source", 0, rows)
    await topics.make("target", 1)
    await topics.replayed("source", "--to", "target", "--speed", "4")
    await topics.replayed("source", "--to", "target", "--rate", "4")
    (records,) = (await topics.read("target")).values()
    for part in (records[:5], records[5:]):
        gaps = [new.timestamp - old.timestamp for old, new in itertools.pairwise(part)]
        assert min(gaps) > 150, gaps
        assert part[-1].timestamp - part[0].timestamp >= 990


async def test_a_finished_run_sends_nothing_and_other_runs_everything(topics: Topics) -> None:
    await filled(topics)
    await topics.make("target", 2)
    made = await topics.replayed("source", "--to", "target")
    assert made["records"] == 72
    for run, records in ((made["run"], 0), ("nightly", 72), ("nightly", 0)):
        again = await topics.replayed("source", "--to", "target", "--run-id", run)
        assert (again["run"], again["records"]) == (run, records)
    await topics.put("source", 1, numbered(4))
    assert (await topics.replayed("source", "--to", "target", "--run-id", "nightly"))[
        "records"
    ] == 4


async def test_onto_itself_only_when_forced_and_then_it_ends(topics: Topics) -> None:
    await filled(topics)
    line = one_line(await topics.replay("source"), 2)
    assert "--force" in line
    assert (await topics.replayed("source", "--force", "--run-id", "self"))["records"] == 72
    assert await topics.count("source") == 144
    assert (await topics.replayed("source", "--force", "--run-id", "self"))["records"] == 0
    line = one_line(await topics.replay("source", "--to-bootstrap", topics.kafka.bootstrap), 2)
    assert "--force" in line


async def test_onto_another_broker(topics: Topics, tmp_path: Path) -> None:
    await filled(topics)
    folder = tmp_path / "other"
    folder.mkdir()
    with ephemeral() as broker:
        async with Topics(broker.bootstrap, topics.kafka.prefix, folder) as other:
            await other.make("source", 3)
            outcome = await topics.replayed("source", "--to-bootstrap", broker.bootstrap)
            assert outcome["records"] == 72
            there, here = await other.read("source"), await topics.read("source")
            assert {n: [*map(copy, rows)] for n, rows in there.items()} == {
                n: [*map(copy, rows)] for n, rows in here.items()
            }


WRONG: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("none", "--to", "target"), 1, "SOURCE: topic"),
    (("source", "--to", "none"), 1, "--to"),
    (("source", "--to", "target", "--from", "noon"), 2, "--from 'noon': write offset:123"),
    (("source", "--to", "target", "--until", "12"), 2, "write offset:12 for an offset"),
    (("source", "--to", "target", "--from", "offset:99"), 1, "nothing to replay"),
    (("source", "--to", "target", "--partition", "7"), 2, "--partition 7: source has no such"),
    (("source", "--to", "target", "--filter", "task"), 2, "--filter 'task': write PATH=VALUE"),
    (("source", "--to", "target", "--run-id", "a b"), 2, "--run-id 'a b'"),
    (("source", "--to", "target", "--rate", "0"), 2, "--rate 0: must be more than 0"),
    (("source", "--to", "target", "--rate", "1", "--speed", "1"), 2, "exclude each other"),
    (("source", "--to-bootstrap", "here"), 2, "--to-bootstrap 'here': must be HOST:PORT"),
    (("source", "--archive", "/nowhere/at/all", "--to", "target"), 1, "/nowhere/at/all"),
)


async def test_what_is_wrong_is_one_sentence(topics: Topics) -> None:
    await filled(topics, 1)
    await topics.make("target", 1)
    done = await asyncio.gather(*(topics.replay(*arguments) for arguments, _, _ in WRONG))
    for (_, code, told), one in zip(WRONG, done, strict=True):
        assert told in one_line(one, code)
    assert await topics.count("target") == 0


async def test_a_record_too_large_for_the_target_is_named(topics: Topics) -> None:
    await topics.make("source", 1)
    await topics.put("source", 0, [*numbered(3), {"value": bytes(5000)}, *numbered(3)])
    await topics.make("target", 1, max_message_bytes="4000")
    done = await topics.replay("source", "--to", "target", "--run-id", "big")
    assert done.code == 1
    assert "the record at offset 3 takes" in done.err
    assert "max.message.bytes" in done.err
    assert "--run-id big" in done.err
    rest = await topics.replayed("source", "--to", "target", "--run-id", "big", "--filter", "n>=0")
    assert (rest["records"], await topics.count("target")) == (3, 6)
