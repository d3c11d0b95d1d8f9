"""``zeta doctor`` beside a real broker, without one, and with a clock that is off."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from agents.doctoring import clocks
from agents.doctoring.broker_clock import quorum_now_ms
from agents.doctoring.kafka import kafka
from schemas.metric import Metric
from streams.clock import now_ms
from streams.settings import Kafka
from streams.tables import partitions_of
from tests.loop.commands import zeta
from tests.loop.system import System
from tests.loop.test_failures import dead

METRIC = Metric(
    query_id="q",
    attempt=1,
    model="a",
    task="code",
    kind="outcome",
    ok=True,
    response_time_s=0.1,
    decided_at=0,
    observed_at=0,
)


async def _ends(system: System) -> int:
    """How many records there are on all topics that could be written to."""
    consumer = AIOKafkaConsumer(bootstrap_servers=system.bootstrap)
    await consumer.start()
    try:
        found = 0
        for topic in ("queries", "metrics", "dead-letters", "model-status"):
            parts = await partitions_of(system.settings.kafka, system.prefix + topic)
            found += sum((await consumer.end_offsets(parts)).values())
        return found
    finally:
        await consumer.stop()


async def test_a_system_before_and_while_it_runs(system: System) -> None:
    await system.chat_sim("small")
    system.write()
    empty = {one.area: one for one in await kafka(system.settings, now_ms)}
    assert empty["broker"].state == "ok"
    assert empty["topics"].state == "fail"
    assert "zeta topics create" in empty["topics"].do
    await system.prepare()
    idle = {one.area: one for one in await kafka(system.settings, now_ms)}
    assert idle["topics"].state == "ok"
    assert (idle["roles"].state, idle["roles"].do) == ("warn", "run zeta up")
    await system.run("router", "grader", "aggregator", "tuner", "worker-small")
    for _ in range(100):
        found = {one.area: one for one in await kafka(system.settings, now_ms)}
        if found["roles"].state == "ok":
            break
    else:
        pytest.fail(f"the roles are never all seen: {found['roles']}")
    await system.stop("aggregator")
    gone = [one for one in await kafka(system.settings, now_ms) if one.area == "roles"]
    assert ["aggregator" in one.says for one in gone] == [True]


async def test_the_brokers_clock(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    await system.chat_sim("small")
    await system.prepare()
    found = await quorum_now_ms(system.settings.kafka)
    assert found is not None
    assert abs(found - now_ms()) < 5_000
    (well,) = await clocks.clock(system.settings, now_ms)
    assert well.state == "ok"
    (late,) = await clocks.clock(system.settings, lambda: now_ms() - 90_000)
    assert late.state == "fail"
    assert "behind" in late.says

    async def silent(_: Kafka) -> None:
        return None

    monkeypatch.setattr(clocks, "quorum_now_ms", silent)
    (unknown,) = await clocks.clock(system.settings, now_ms)
    assert unknown.state == "warn", "no record, and the broker doesn't tell"
    await system.put("metrics", METRIC)
    (told,) = await clocks.clock(system.settings, lambda: now_ms() - 90_000)
    assert told.state == "fail", "the broker's stamp is ahead of this clock"


async def test_the_command_with_a_dead_model(system: System) -> None:
    await system.chat_sim("small")
    await system.prepare()
    well = await zeta(system.file, "doctor", "--json")
    assert well.code == 0, well
    assert {row["state"] for row in well.json()} <= {"ok", "warn"}
    system.tables["models.gone"] = {**system.tables["models.small"], "endpoint": dead()}
    await system.prepare()
    ends = await _ends(system)
    ill = await zeta(system.file, "doctor")
    assert ill.code == 1
    assert "fail model gone" in ill.out
    assert "-> start that server" in ill.out
    assert await _ends(system) == ends, "it has written something"


async def test_without_a_broker(system: System) -> None:
    system.tables["kafka"]["bootstrap"] = dead().removeprefix("http://")
    await system.chat_sim("small")
    system.write()
    done = await zeta(system.file, "doctor", "--json")
    assert done.code == 1
    (broker,) = [row for row in done.json() if row["area"] == "broker"]
    assert broker["state"] == "fail"
    for way in ("zeta kafka start", "KAFKA_BOOTSTRAP", "docker compose"):
        assert way in broker["do"]
    assert "Traceback" not in done.err


async def test_settings_that_are_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[kafka]\nbootstrop = 1\n")
    done = await zeta(broken, "doctor")
    assert done.code == 1
    assert "bootstrop" in done.out
