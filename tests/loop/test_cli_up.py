"""``zeta up``: the whole system as one process tree that drains, and mends itself."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

from schemas.query import Query
from schemas.response import Response
from tests.loop.commands import zeta
from tests.loop.system import Process, System
from tests.loop.watching import answered, until

ROLES = ("router", "grader", "aggregator", "tuner", "worker-only")


def children(parent: int) -> dict[str, int]:
    """The roles' processes by name."""
    found: dict[str, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            _, _, rest = status.read_text().rpartition(") ")
            words = (status.parent / "cmdline").read_text().split("\0")
            if int(rest.split()[1]) == parent and rest[0] != "Z" and "run" in words:
                found[words[words.index("run") + 1]] = int(status.parent.name)
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def up(system: System) -> Process:
    await system.chat_sim("only", latency={"median_s": 0.2})
    await system.prepare()
    process = system.spawn("up", "--log-level", "info")
    await until(lambda: process.log.read_text().count(" is ready") == len(ROLES), "ready", 40)
    return process


async def test_one_signal_drains_all_and_a_dead_role_is_started_again(system: System) -> None:
    process = await up(system)
    responses = await system.topic("responses", Response)
    before = children(process.process.pid)
    assert set(before) == set(ROLES)
    for role in ("router", "worker-only"):
        os.kill(before[role], signal.SIGKILL)
    await system.ask(Query(query_id="first", task="code", prompt="1 + 1"))
    await responses.until(answered("first"), "an answer from those started again", 30)
    after = children(process.process.pid)
    assert set(after) == set(ROLES)
    assert all(
        (after[role] == before[role]) == (role not in ("router", "worker-only")) for role in ROLES
    )
    assert "router ended with -9; starting it again" in process.log.read_text()
    queries = [Query(query_id=f"q{n}", task="code", prompt="1 + 1") for n in range(16)]
    await system.ask(*queries)
    await responses.until(lambda rows: len(rows) > 4, "work under way")
    process.process.send_signal(signal.SIGINT)
    await until(lambda: process.process.poll() is not None, "the end of all", 30)
    assert process.process.returncode == 0, process.log.read_text()
    assert not any(alive(pid) for pid in {*before.values(), *after.values()})
    assert "Traceback" not in process.log.read_text()


async def test_a_supervisor_that_is_killed_leaves_nobody_behind(system: System) -> None:
    process = await up(system)
    pids = children(process.process.pid).values()
    process.kill()
    await until(lambda: not any(alive(pid) for pid in pids), "the end of all roles", 30)


async def test_up_wants_its_topics_and_its_models(system: System) -> None:
    await system.chat_sim("only")
    await system.prepare()
    done = await zeta(system.file, "--set", "kafka.prefix=nowhere-", "up")
    assert done.code == 1
    assert done.err.startswith("zeta: missing topics: nowhere-queries, ")
    assert done.err.endswith("run `zeta topics create`\n")
    bare = system.directory / "bare.toml"
    bare.write_text(f"[kafka]\nbootstrap = {json.dumps(system.bootstrap)}\n")
    done = await zeta(bare, "up")
    assert (done.code, done.err.splitlines()[0][:20]) == (1, "zeta: no models: nam")
