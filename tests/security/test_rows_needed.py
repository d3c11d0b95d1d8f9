"""Without one of its rows a role doesn't start, and says which row that is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from aiokafka.errors import KafkaError

from agents.roles import build_role
from streams.access import Grant, grants
from streams.admin import create_topics
from streams.denials import told
from streams.settings import Archive, Dashboard, Gateway, Kafka, Model, Settings, Task
from tests.security.acls import Acls
from tests.security.broker import NOBODY, Secured

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIX = "start-"
NEEDED = {
    "router": ("queries", "reroutes", "rules", "model-status", "router"),
    "grader": ("responses", "feedback", "grader"),
    "aggregator": ("metrics", "aggregator"),
    "tuner": ("scores", "controls", "rules", "rules-log", "tuner"),
    "worker-good": ("models.good", "worker-good"),
    "archiver": ("queries", "dead-letters", "archiver"),
    "gateway": ("responses", "chunks"),
    "dashboard": ("rules", "responses", "models.good", "chunks"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings(
    secure: Secured, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Settings]:
    """Topics of their own, and the settings of somebody who may do nothing as yet."""
    folder = tmp_path_factory.mktemp("start")
    made = Settings(
        kafka=Kafka(bootstrap=secure.broker.bootstrap, prefix=PREFIX, partitions=1),
        models={"good": Model(endpoint="http://127.0.0.1:9", protocol="tgi", serves=["chat"])},
        tasks={"reasoning": Task()},
        archive=Archive(directory=str(folder / "archive")),
        gateway=Gateway(port=0),
        dashboard=Dashboard(port=0),
    )
    await create_topics(made)
    kafka = Kafka(**secure.scram(NOBODY, prefix=PREFIX))
    yield msgspec.structs.replace(made, kafka=kafka)


async def start_error(settings: Settings, role: str, folder: Path) -> str:
    """What a role says that doesn't start."""
    index = msgspec.structs.replace(settings.feedback, index_dir=str(folder))
    app = build_role(msgspec.structs.replace(settings, feedback=index), role, "")
    try:
        async with asyncio.timeout(20):
            await app.start()
            await app.wait_until_stopped()
    except KafkaError as error:
        return told(app.crash_reason or error)
    finally:
        await app.stop()
        app.consumer._thread.thread_loop.close()  # type: ignore[attr-defined]
    return told(app.crash_reason) if app.crash_reason else ""


@pytest.mark.parametrize("role", NEEDED)
async def test_a_role_that_lacks_a_row_names_it(
    secure: Secured, settings: Settings, role: str, tmp_path: Path
) -> None:
    acls, principal = Acls(secure.broker.bootstrap), f"User:{NOBODY}"
    rows = grants(settings, role)
    await acls.give((row, principal) for row in rows)
    for name in NEEDED[role]:
        row = next(row for row in rows if row.name == PREFIX + name)
        await acls.take(row, principal)
        said = await start_error(settings, role, tmp_path / name)
        assert f"{row.resource} {row.name}: grant what `zeta topics acls` prints" in said, name
        await acls.give([(row, principal)])
    for row in rows:
        await acls.take(row, principal)


async def test_reading_is_not_enough_for_a_tuner(
    secure: Secured, settings: Settings, tmp_path: Path
) -> None:
    acls, principal = Acls(secure.broker.bootstrap), f"User:{NOBODY}"
    rows = [_only_reading(row) for row in grants(settings, "tuner")]
    rows = [row for row in rows if row.operations]
    await acls.give((row, principal) for row in rows)
    said = await start_error(settings, "tuner", tmp_path)
    assert "the right to write" in said
    for row in rows:
        await acls.take(row, principal)


def _only_reading(row: Grant) -> Grant:
    return replace(row, operations=tuple(one for one in row.operations if one == "Read"))
