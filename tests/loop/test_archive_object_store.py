"""The archiver and ``zeta archive`` on an S3-compatible server."""

from __future__ import annotations

import asyncio

import pytest

from streams.archive.naming import parts_in
from streams.archive.opening import open_store
from streams.archive.reading import ArchiveLog
from tests.loop.archived import on_broker
from tests.loop.commands import one_line, zeta
from tests.loop.system import System, chat
from tests.loop.watching import until
from tests.streams.archive.object_store import served
from tests.streams.archive.records import metric


async def test_archive_verify_compact(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(monkeypatch) as url:
        system.tables["models.a"] = chat("http://127.0.0.1:1")
        system.tables["kafka"] |= {"partitions": 1, "max_batch": 40}
        system.tables["archive"] = {
            "directory": url,
            "topics": ["metrics"],
            "roll_rows": 50,
            "roll_s": 2.0,
        }
        await system.prepare()
        store = await asyncio.to_thread(open_store, url)
        archiver = await system.spawn_ready("archiver")
        await system.put_all("metrics", [metric(number) for number in range(400)], key=b"k")
        await until(lambda: len(parts_in(store.paths("metrics"))) > 2, "files")
        archiver.kill()
        archiver = await system.spawn_ready("archiver")
        await system.put_all("metrics", [metric(number) for number in range(400, 500)], key=b"k")
        await until(lambda: _end(store.paths("metrics")) == 500, "more files")
        assert await archiver.end() == 0, archiver.log.read_text()
        check = ("archive", "verify", url, "--broker", "--deep", "--json")
        (row,) = (await zeta(system.file, *check)).json()
        assert row["findings"] == []
        assert row["partitions"][0]["rows"] == 500
        compacted = (await zeta(system.file, "archive", "compact", url, "--json")).json()
        assert len(compacted) == len(parts_in(store.paths("metrics"))) == 1
        assert (await zeta(system.file, *check)).code == 0
        log = await asyncio.to_thread(ArchiveLog, store, ["metrics"])
        found = [row async for batch in log.read("metrics", 0) for row in batch]
        expected = await on_broker(system, "metrics")
        assert [(row.offset, row.value) for row in found] == [(r[1], r[4]) for r in expected]
    line = one_line(await zeta(system.file, "archive", "verify", url), 1)
    assert line.startswith(f"zeta: {url}: ")


def _end(paths: list[str]) -> int:
    return max((part.last + 1 for part in parts_in(paths)), default=0)
