"""The way out: no commit without an acknowledgement."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from streams.broker.ephemeral import EphemeralBroker
from streams.producing import Outbox, RecordTooLargeError, SendFailedError
from streams.settings import Kafka
from tests.streams.consuming_program import Item
from tests.streams.harness import Lab, eventually

BIG = "x" * 5000


async def test_a_refused_record_ends_the_process_and_the_restart_completes_all(lab: Lab) -> None:
    await lab.create(out={"max.message.bytes": "2000"})
    await lab.put(Item(n=n, padding=BIG if n == 5 else "") for n in range(10))
    for handler in ("serial", "concurrent"):
        program = lab.start(handler=handler)
        assert await program.ended() == 1
        assert "MessageSizeTooLarge" in program.log.read_text()
        assert await lab.commits() == []
    await lab.configure_out(max_message_bytes="100000")
    lab.start()
    await lab.all_copied(10)
    await lab.all_committed(10)


async def test_records_never_acknowledged_end_the_process_when_patience_is_over(
    own_broker: EphemeralBroker, tmp_path: Path, prefix: str
) -> None:
    gate = tmp_path / "gate"
    with closing(Lab(own_broker.bootstrap, prefix, tmp_path)) as lab:
        await lab.create()
        await lab.put(Item(n=n, gate=str(gate)) for n in range(10))
        program = lab.start(replica="0", patience_s=2)
        await eventually(lambda: len(program.begun()) == 10, "all begun")
        own_broker.kill()
        gate.touch()
        assert await program.ended() == 1
        assert "not acknowledged" in program.log.read_text()
        own_broker.start()
        assert await lab.commits() == []
        lab.start(replica="0")
        await lab.all_copied(10)
        await lab.all_committed(10)


async def test_a_topic_that_does_not_exist_ends_the_process(lab: Lab) -> None:
    await lab.create(only_in=True)
    await lab.put(Item(n=n) for n in range(10))
    program = lab.start(patience_s=1)
    assert await program.ended() == 1
    assert "UnknownTopicOrPartition" in program.log.read_text()
    assert await lab.commits() == []
    await lab.create_out()
    lab.start()
    await lab.all_copied(10)
    await lab.all_committed(10)


@pytest.fixture
def kafka(kafka_bootstrap: str, prefix: str) -> Kafka:
    return Kafka(bootstrap=kafka_bootstrap, prefix=prefix, max_record_bytes=10_000)


async def test_a_record_over_the_limit_is_refused_before_it_is_sent(lab: Lab, kafka: Kafka) -> None:
    await lab.create()
    outbox = Outbox(kafka, client_id="test")
    async with outbox:
        for value, headers in ((b"x" * 10_000, []), (b"", [("h", b"x" * 10_000)])):
            with pytest.raises(RecordTooLargeError, match="max_record_bytes"):
                await outbox.send("out", value, key="k", headers=headers)
        await outbox.flush()
    assert await lab.copied() == []


@pytest.mark.parametrize("anywhere", [True, False])
async def test_a_key_has_one_partition_and_keys_have_all(
    lab: Lab, kafka: Kafka, anywhere: bool
) -> None:
    await lab.create(partitions=3)
    keys = [f"0d9f3f0e-8b5e-4f9f-9a87-{n:012}" for n in range(61)]
    outbox = Outbox(kafka, client_id="test")
    async with outbox:
        for key in keys * 2:
            await outbox.send("in", b"{}", key=key, anywhere=anywhere)
    places: defaultdict[str, list[int]] = defaultdict(list)
    async with AIOKafkaConsumer(
        kafka.prefix + "in", bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        for _ in keys * 2:
            record = await consumer.getone()
            places[record.key.decode()].append(record.partition)
    assert places.keys() == set(keys)
    assert all(len(found) == 2 and len(set(found)) == 1 for found in places.values())
    assert min(Counter(found[0] for found in places.values()).values()) >= 10


async def test_a_failure_stays(lab: Lab, kafka: Kafka) -> None:
    await lab.create(out={"max.message.bytes": "2000"})
    outbox = Outbox(kafka, client_id="test")
    await outbox.start()
    await outbox.send("out", BIG.encode(), key="k")
    for _ in range(2):
        with pytest.raises(SendFailedError, match="a record for out"):
            await outbox.flush()
    with pytest.raises(SendFailedError):
        await outbox.send("out", b"small", key="k")
    await outbox.stop()


async def test_a_flush_that_was_cancelled_forgets_nothing(lab: Lab, kafka: Kafka) -> None:
    await lab.create(out={"max.message.bytes": "2000"})
    outbox = Outbox(kafka, client_id="test")
    await outbox.start()
    await outbox.send("out", BIG.encode(), key="k")
    flushing = asyncio.create_task(outbox.flush())
    await asyncio.sleep(0)
    flushing.cancel()
    await asyncio.wait({flushing})
    assert flushing.cancelled()
    with pytest.raises(SendFailedError):
        await outbox.flush()
    await outbox.stop()


async def test_a_failure_that_nobody_flushes_crashes_the_service(lab: Lab, kafka: Kafka) -> None:
    await lab.create(out={"max.message.bytes": "2000"})
    outbox = Outbox(kafka, client_id="test")
    await outbox.start()
    await outbox.send("out", BIG.encode(), key="k")
    await eventually(lambda: outbox.crashed, "crash", 5)
    assert isinstance(outbox.crash_reason, SendFailedError)
    await outbox.stop()


async def test_a_stop_sends_what_is_buffered(lab: Lab, kafka: Kafka) -> None:
    await lab.create()
    outbox = Outbox(kafka, client_id="test")
    async with outbox:
        for n in range(100):
            await outbox.send("out", Item(n=n), key=str(n))
    assert await lab.copied() == list(range(100))


async def test_a_failure_of_the_last_record_is_seen_at_the_stop(lab: Lab, kafka: Kafka) -> None:
    await lab.create(out={"max.message.bytes": "2000"})
    outbox = Outbox(kafka, client_id="test")
    await outbox.start()
    await outbox.send("out", BIG.encode(), key="k")
    await outbox.stop()
    assert isinstance(outbox.crash_reason, SendFailedError)
