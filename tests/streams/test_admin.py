"""Topics on a real broker: made once, compared ever after, never altered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.admin import (
    BrokerUnreachable,
    TopicRefusedError,
    TopicReport,
    create_topics,
    list_topics,
)
from streams.settings import Kafka, Model, Settings
from streams.topics import topic_table

MODELS = {"a.b": Model(endpoint="http://a", protocol="tgi", serves=["chat"])}


Action = Callable[[Settings], Awaitable[list[TopicReport]]]


def settings_for(
    bootstrap: str, prefix: str = "", *, partitions: int = 2, max_record_bytes: int = 1_048_576
) -> Settings:
    kafka = Kafka(
        bootstrap=bootstrap,
        prefix=prefix,
        partitions=partitions,
        max_record_bytes=max_record_bytes,
    )
    return Settings(kafka=kafka, models=MODELS)


@pytest.fixture
def settings(kafka_bootstrap: str, prefix: str) -> Settings:
    return settings_for(kafka_bootstrap, prefix)


@asynccontextmanager
async def an_admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def by_name(reports: list[TopicReport], settings: Settings) -> dict[str, TopicReport]:
    return {report.name.removeprefix(settings.kafka.prefix): report for report in reports}


def states(reports: list[TopicReport]) -> set[str]:
    return {report.state for report in reports}


async def test_missing_then_created_then_ok(settings: Settings) -> None:
    names = [settings.kafka.prefix + row.name for row in topic_table(MODELS)]
    for call, state in (
        (list_topics, "missing"),
        (create_topics, "created"),
        (create_topics, "ok"),
        (list_topics, "ok"),
    ):
        reports = await call(settings)
        assert [report.name for report in reports] == names
        assert states(reports) == {state}
        assert not any(report.differences for report in reports)


async def test_partitions_and_replicas_are_what_the_cluster_allows(settings: Settings) -> None:
    reports = by_name(await create_topics(settings), settings)
    assert (reports["queries"].partitions, reports["rules"].partitions) == (2, 1)
    assert reports["models.a.b"].partitions == 2
    assert {report.replication for report in reports.values()} == {1}


async def test_a_topic_takes_records_as_soon_as_it_is_made(settings: Settings) -> None:
    await create_topics(settings)
    topic = f"{settings.kafka.prefix}queries"
    bootstrap = settings.kafka.bootstrap
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, b"{}", partition=1)
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        record = await asyncio.wait_for(consumer.getone(), 10)
    assert (record.partition, record.value) == (1, b"{}")


async def test_creators_at_the_same_time_agree(settings: Settings) -> None:
    runs = await asyncio.gather(*(create_topics(settings) for _ in range(3)))
    for reports in zip(*runs, strict=True):
        assert sorted(report.state for report in reports) == ["created", "ok", "ok"]


async def test_drift_is_reported_exactly_and_left_alone(settings: Settings) -> None:
    wrong = {"retention.ms": "1000", "cleanup.policy": "delete"}
    topic = f"{settings.kafka.prefix}rules"
    async with an_admin(settings) as admin:
        await admin.create_topics([NewTopic(topic, 3, 1, topic_configs=wrong)])
    for call in (create_topics, list_topics):
        reports = by_name(await call(settings), settings)
        drifted = reports.pop("rules")
        assert (drifted.state, drifted.partitions, drifted.replication) == ("differs", 3, 1)
        assert drifted.differences == (
            "partitions: expected 1, found 3",
            "cleanup.policy: expected compact, found delete",
        )
        assert "differs" not in states(list(reports.values()))


async def test_a_changed_setting_is_drift(settings: Settings) -> None:
    await create_topics(settings)
    larger = settings_for(settings.kafka.bootstrap, settings.kafka.prefix, partitions=3)
    reports = by_name(await create_topics(larger), settings)
    assert reports["queries"].differences == ("partitions: expected 3, found 2",)
    assert reports["scores"].state == "ok"


async def test_the_topics_take_the_largest_record_that_the_settings_allow(
    kafka_bootstrap: str, prefix: str
) -> None:
    size = 4_000_000
    settings = settings_for(kafka_bootstrap, prefix, max_record_bytes=size)
    assert states(await create_topics(settings)) == {"created"}
    assert states(await list_topics(settings)) == {"ok"}
    async with AIOKafkaProducer(
        bootstrap_servers=kafka_bootstrap, max_request_size=3 * size
    ) as producer:
        await producer.send_and_wait(f"{prefix}queries", bytes(size - 256))
        await producer.send_and_wait(f"{prefix}dead-letters", bytes(size * 4 // 3))


async def test_a_refusal_gives_the_brokers_reason(settings: Settings) -> None:
    """Kafka can't tell a.b from a_b, and says so."""
    async with an_admin(settings) as admin:
        await admin.create_topics([NewTopic(f"{settings.kafka.prefix}models.a_b", 1, 1)])
    with pytest.raises(TopicRefusedError, match=r"models\.a\.b: .*collides with"):
        await create_topics(settings)


async def test_many_addresses_that_are_silent_take_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.admin.CONNECT_S", 0.3)
    with a_port(listening=True) as address:
        async with asyncio.timeout(2):
            with pytest.raises(BrokerUnreachable, match="it doesn't speak in time"):
                await list_topics(settings_for(",".join([address] * 10)))


@contextmanager
def a_port(*, listening: bool) -> Iterator[str]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listening:
            server.listen()
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("listening", [False, True], ids=["refused", "silent"])
@pytest.mark.parametrize("call", [create_topics, list_topics])
async def test_no_broker_is_one_clear_error_in_time(
    call: Action, listening: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.admin.CONNECT_S", 0.3)
    with a_port(listening=listening) as bootstrap:
        message = rf"no Kafka broker answers at {bootstrap} \(kafka\.bootstrap\): \S"
        async with asyncio.timeout(5):
            with pytest.raises(BrokerUnreachable, match=message):
                await call(settings_for(bootstrap))
