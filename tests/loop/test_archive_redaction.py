"""A whole run with redaction: no prompt and no answer is in the archive; what is learned is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from agents.rebuilding import TOPICS, rebuild
from schemas.query import Message, Query, Reference
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from streams.archive.local import LocalStore
from streams.archive.reading import ArchiveLog
from streams.archive.redactable import FIELDS, NO_TEXT
from streams.history import open_history
from tests.loop.archived import archived_to
from tests.loop.commands import zeta
from tests.loop.system import System
from tests.loop.watching import answered, until

SECRET = "Zanzibar"
BASE = 918_273_645_000
"""Sums of such numbers are nowhere but in prompts and answers."""

KEY = "a key that is long enough"
REDACT = {name: "drop" if name in NO_TEXT else "hash" for name in FIELDS} | {"chunk.text": "drop"}
ROLES = ("router", "grader", "aggregator", "tuner", "worker-good", "worker-plain")


def query(number: int) -> Query:
    total = BASE + number
    prompt = f"{SECRET}: {total - 1} + 1"
    content: dict[str, Any] = (
        {"messages": [Message(role="user", content=prompt)]} if number % 3 else {"prompt": prompt}
    )
    reference = Reference(kind="numeric", value=total)
    return Query(
        query_id=f"q{number}", task="code", reference=reference, stream=number % 5 == 0, **content
    )


async def lived(system: System) -> list[str]:
    """Queries, answers, rules, dead letters; returns all texts that people and models wrote."""
    responses = await system.topic("responses", Response)
    rules = await system.topic("rules-log", RoutingRule)
    await system.run(*ROLES)
    asked = [query(number) for number in range(120)]
    await system.ask(*asked)
    await system.put("queries", f"{SECRET} is no JSON".encode(), key=b"odd")
    await responses.until(answered(*(one.query_id for one in asked)), "answers")
    await rules.until(lambda found: len(found) >= 3, "rules", 30)
    for role in ROLES:
        await system.stop(role)
    texts = [response.text for response in responses.events if response.text]
    assert len(set(texts)) > 100
    return [SECRET, *map(str, range(BASE, BASE + 120)), *texts]


async def archive_of(system: System, root: Path) -> None:
    archiver = system.spawn("run", "archiver", ZETA_ARCHIVE_KEY=KEY)
    ends = await _ends(system)
    await until(
        lambda: all(archived_to(root, *where) >= end for where, end in ends.items()), "archived"
    )
    assert await archiver.end() == 0, archiver.log.read_text()


async def _ends(system: System) -> dict[tuple[str, int], int]:
    topics = (*TOPICS, "queries", "responses", "dead-letters", "models.good", "models.plain")
    async with open_history(system.settings.kafka, topics) as log:
        return {
            (topic, number): log.end(topic, number)
            for topic in topics
            for number in log.partitions(topic)
        }


def found_in(root: Path, texts: list[str]) -> list[tuple[str, str]]:
    """Which texts are in which files: in their bytes, and in what the columns hold."""
    found = []
    for path in root.rglob("*"):
        if path.is_dir():
            continue
        held = [path.read_bytes().decode("latin-1"), path.name]
        if path.suffix == ".parquet":
            rows = pq.read_table(path, partitioning=None).to_pylist()
            held.append(json.dumps(rows, default=_shown))
        found += [(path.name, text) for text in set(texts) if any(text in part for part in held)]
    return found


def _shown(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


async def test_no_text_is_in_the_archive(system: System, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    await system.chat_sim("good", accuracy=0.9)
    await system.chat_sim("plain", accuracy=0.6)
    system.tables["archive"] = {
        "directory": str(root),
        "roll_s": 0.5,
        "redact_key_variable": "ZETA_ARCHIVE_KEY",
    }
    await system.prepare()
    texts = await lived(system)
    await archive_of(system, root)  # as it would be without
    assert {text for _, text in found_in(root, texts)} == set(texts)

    redacted = tmp_path / "redacted"
    system.tables["archive"] |= {"directory": str(redacted), "redact": REDACT}
    system.write()
    refused = await zeta(system.file, "run", "archiver")
    assert refused.code == 2
    assert "ZETA_ARCHIVE_KEY is not set" in refused.err
    await archive_of(system, redacted)
    assert found_in(redacted, texts) == []

    store = LocalStore(redacted)
    report = await rebuild(ArchiveLog(store, TOPICS), system.settings)
    assert report.ok, report.difference
    assert report.rules >= 3
    asked = ("whatif", "--policy", "greedy", "--json", "--archive")
    plain, same = [await zeta(system.file, *asked, str(place)) for place in (root, redacted)]
    assert plain.json(), plain
    assert (same.code, _without_time(same.json())) == (plain.code, _without_time(plain.json()))
    verify = await zeta(system.file, "archive", "verify", str(redacted), "--broker", "--deep")
    assert verify.code == 0, verify

    source = ("replay", "queries", "--archive", str(redacted), "--json")
    (replayed,) = (await zeta(system.file, *source, "--to", "feedback")).json()
    assert (replayed["records"], replayed["redacted"]) == (120, 1)


def _without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in row if key != "elapsed_s"} for row in rows]
