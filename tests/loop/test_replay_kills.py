"""``zeta replay`` killed at any point and started again: all is there, in order, once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streams.replay.origin import Origin, stamped
from tests.loop.replaying import Fields, Topics, copy, numbered, origin
from tests.loop.watching import until

PARTITIONS = 3
EACH = 20_000


@asynccontextmanager
async def others_write(topics: Topics) -> AsyncIterator[None]:
    """Others write to the target as well, other replays among them."""

    async def write() -> None:
        def marked(run: str, topic: str) -> Fields:
            told = Origin(run=run, topic=topic, partition=2, offset=10**9, timestamp=1, started=1)
            return {"value": None, "headers": stamped([], told)}

        rows: list[Fields] = [{"value": b"foreign"}, marked("other", "source")]
        rows.append(marked("nightly", "other"))
        while True:
            for number in range(2):
                await topics.put("target", number, rows * 20)

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def kill_at(topics: Topics, records: int, *arguments: str) -> None:
    """Starts a replay, and kills it when the target has so many records more."""
    wanted = await topics.count("target") + records
    process = topics.spawn("source", "--to", "target", *arguments)
    try:
        async with asyncio.timeout(60):
            while process.poll() is None and await topics.count("target") < wanted:
                pass
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (1, ("--run-id", "nightly")),
        (2, ("--run-id", "nightly", "--by-key", "--rate", "20000")),
        (3, ("--run-id", "nightly", "--keep-timestamps", "--rate", "20000")),
    ],
)
async def test_nothing_is_lost_and_nothing_twice(
    kafka_bootstrap: str, prefix: str, tmp_path: Path, seed: int, options: tuple[str, ...]
) -> None:
    chance = random.Random(seed)
    async with Topics(kafka_bootstrap, prefix, tmp_path) as topics:
        await topics.make("source", PARTITIONS)
        for number in range(PARTITIONS):
            await topics.put("source", number, numbered(EACH, number * EACH))
        await topics.make("target", 2)
        for _ in range(3):
            await kill_at(topics, chance.randrange(1, 2 * EACH // 3), *options)
        async with others_write(topics):
            await kill_at(topics, EACH // 3, *options)
            last = await topics.replayed("source", "--to", "target", *options)
        assert 0 < last["records"] < PARTITIONS * EACH, "the kills came before the end"
        assert (await topics.replayed("source", "--to", "target", *options))["records"] == 0
        await check(topics, by_key="--by-key" in options)


async def check(topics: Topics, *, by_key: bool) -> None:
    before, after = await topics.read("source"), await topics.read("target")
    places: dict[int, list[int]] = {number: [] for number in before}
    for number, records in after.items():
        ours = [one for one in records if any(n == "zeta-replay" for n, _ in one.headers)]
        mine = [
            one for one in ours if (origin(one).run, origin(one).topic) == ("nightly", "source")
        ]
        for source in before:
            offsets = [origin(one).offset for one in mine if origin(one).partition == source]
            assert offsets == sorted(offsets)
            assert by_key or not offsets or source % 2 == number
            places[source] += offsets
        for one in mine:
            told = origin(one)
            assert copy(one) == copy(before[told.partition][told.offset])
    assert {number: sorted(offsets) for number, offsets in places.items()} == {
        number: list(range(EACH)) for number in before
    }


async def test_a_name_that_tells_its_start_spares_what_is_older(
    kafka_bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    async with Topics(kafka_bootstrap, prefix, tmp_path) as topics:
        await topics.make("source", 1)
        await topics.put("source", 0, numbered(EACH))
        await topics.make("target", 1)
        await topics.put("target", 0, [{"value": b"old", "timestamp_ms": 1_000}] * 5)
        process = topics.spawn("source", "--to", "target", "--rate", "5000")
        try:
            await until(lambda: b"--run-id" in topics.log.read_bytes(), "its name")
            await wait_for(topics, 1000)
        finally:
            process.kill()
            process.wait()
        run = topics.log.read_text().split("--run-id ")[1].split(")")[0]
        rest = await topics.replayed("source", "--to", "target", "--run-id", run)
        assert 0 < rest["records"] < EACH
        assert await topics.count("target") == EACH + 5


async def wait_for(topics: Topics, records: int) -> None:
    async with asyncio.timeout(60):
        while await topics.count("target") < records:
            pass
