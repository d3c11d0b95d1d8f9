"""No secret in anything that is written: topics, logs, archive, JSON, process arguments."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
from aiohttp import web
from typer.testing import CliRunner

from agents.cli import app
from schemas.dead_letter import DeadLetter
from schemas.query import Query
from schemas.response import Response
from streams.history import open_history
from streams.topics import topic_table
from tests.loop.archived import until_archived
from tests.loop.system import System, chat
from tests.loop.watching import answered, by_id, until

SECRETS = {
    "token in a variable": "sk-Var/7+very:secret=one",
    "token in a file": "hf_File/8+very:secret=two",
    "key of the hashes": "redact-Key/9+very:secret=3",
}
VARIABLE, FILE, KEY = SECRETS.values()
ROLES = 7
COMMANDS = (["dead-letters", "list"], ["dead-letters", "redrive", "--all"], ["scores"], ["rules"])


async def reflect(request: web.Request) -> web.Response:
    """Repeats what it was sent in every way; the prompt's first word says how it fails."""
    said = request.headers.get("Authorization", "")
    digits = base64.b64encode(said.encode()).decode()
    words = f"wrong key {said}, that is {digits}, {quote(said, safe='')}, " + "." * 380 + said
    headers = {"WWW-Authenticate": said, "X-Request-Id": digits}
    kind = str((await request.json())["messages"][-1]["content"]).split()[0]
    if kind == "odd":
        return web.json_response({"choices": [{"message": said, "delta": said}]}, headers=headers)
    status = {"denied": 401, "broken": 500}[kind]
    return web.json_response(
        {"error": words, "error_type": words}, status=status, headers=headers, reason=said
    )


@asynccontextmanager
async def reflecting() -> AsyncIterator[str]:
    """Such a server's URL."""
    server = web.Application()
    server.router.add_post("/{rest:.*}", reflect)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it is, in a URL, and the digits that are its own within any base64."""
    yield secret.encode()
    yield quote(secret, safe="").encode()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * shift + secret.encode())[shift + 1 if shift else 0 :][:-4]


def cells(value: Any) -> Iterator[bytes]:
    """Every text and byte string in a value from a table."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for part in value:
            yield from cells(part)
    elif isinstance(value, str | bytes):
        yield value.encode() if isinstance(value, str) else value


def table_cells(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    table = pq.read_table(path, partitioning=None)
    yield from cells([*(table.schema.metadata or {}).items()])
    for row in table.to_pylist():
        yield from cells(row)


async def on_topics(system: System) -> list[bytes]:
    """Every key, value and header of every topic."""
    names = [row.name for row in topic_table(system.settings.models)]
    async with open_history(system.settings.kafka, names) as log:
        return [
            part
            for name in names
            for partition in log.partitions(name)
            async for records in log.read(name, partition)
            for record in records
            for part in cells([record.key, record.value, list(record.headers)])
        ]


def arguments_of(root: int) -> list[bytes]:
    """The command lines of a process and its children, as ``ps`` shows them."""
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    return [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in [str(root), *children]]


async def _prepared(system: System, url: str) -> Path:
    folder = system.directory
    (folder / "token").write_text(f"{FILE}\n")
    (folder / "key").write_text(KEY)
    by_file, by_variable = {"token_file": str(folder / "token")}, {"token_variable": "MY_TOKEN"}
    system.tables["models.variable"] = chat(url, **by_variable)
    system.tables["models.file"] = chat(url, **by_file)
    system.tables["archive"] = {
        "directory": str(folder / "archive"),
        "roll_s": 0.5,
        "redact": {"query.prompt": "hash"},
        "redact_key_file": str(folder / "key"),
    }
    await system.prepare()
    return folder


async def _provoke(system: System) -> None:
    """Errors of every sort from each model, and a dead letter."""
    responses = await system.topic("responses", Response)
    letters = await system.topic("dead-letters", DeadLetter)
    ids = []
    for model, kind, stream in product(
        ("variable", "file"), ("denied", "odd", "broken"), (False, True)
    ):
        ids.append(f"{model} {kind} {stream}")
        await system.ask(
            Query(
                query_id=ids[-1],
                prompt=f"{kind} 1 + 1",
                task="code",
                models=[model],
                stream=stream,
                time_limit_s=2.0,
            )
        )
    await system.put("queries", b"poison")
    await responses.until(answered(*ids), "error answers")
    await letters.until(len, "a dead letter")
    for answer in by_id(responses.events).values():
        assert answer.error is not None
    told = by_id(responses.events)["variable denied False"].error
    assert told is not None
    assert "wrong key Bearer [secret], that is" in told.message, "scrubbed, and still of use"


async def test_no_secret_is_written_anywhere(system: System) -> None:
    async with reflecting() as url:
        folder = await _prepared(system, url)
        home = folder / "home"
        process = system.spawn("up", "--log-level", "debug", MY_TOKEN=VARIABLE, ZETA_HOME=str(home))
        ready = lambda: process.log.read_text().count(" is ready") >= ROLES  # noqa: E731
        await until(ready, "all roles are ready", 40)
        await _provoke(system)
        arguments = arguments_of(process.process.pid)
        await until_archived(folder / "archive", "responses", 6)
        config = ["--config", str(system.file)]
        said = [
            await asyncio.to_thread(CliRunner().invoke, app, [*config, *command, "--json"])
            for command in COMMANDS
        ]
        assert await process.end() == 0
    files = (folder / "archive").rglob("*.parquet")
    archived = [cell for path in files for cell in table_cells(path)]
    homes = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    homes += [path.read_bytes() for path in (folder / "index").rglob("*") if path.is_file()]
    written = {
        "topics": await on_topics(system),
        "logs": [path.read_bytes() for path in folder.glob("*.log")],
        "archive": archived,
        "home": homes,
        "JSON": [part.encode() for done in said for part in (done.stdout, done.stderr)],
        "arguments": arguments,
    }
    assert all(written[place] for place in ("topics", "logs", "archive", "JSON", "arguments"))
    found = [
        f"{what} in {place}: ...{part[max(0, part.find(form) - 80) :][:160]!r}"
        for what, secret in SECRETS.items()
        for form in forms(secret)
        for place, parts in written.items()
        for part in parts
        if form in part
    ]
    assert not found, "\n".join(found[:10])
