"""Three brokers, of which one may be gone: what is asked of them is answered all the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.admin import create_topics, list_topics, require_broker
from streams.broker.cluster import Cluster, cluster
from streams.patience import commits_of
from streams.settings import Kafka, Settings
from streams.tables import partitions_of
from tests.loop.watching import until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def three() -> Iterator[Cluster]:
    """Slow to make; a test that kills a node starts it again."""
    with cluster() as made:
        yield made


@pytest.fixture
def settings(three: Cluster) -> Settings:
    prefix = f"t{uuid.uuid4().hex[:8]}-"
    return Settings(kafka=Kafka(bootstrap=three.bootstrap, prefix=prefix, partitions=3))


async def put(settings: Settings, count: int) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap, acks="all", enable_idempotence=True
    )
    await producer.start()
    try:
        for number in range(count):
            await producer.send_and_wait(settings.kafka.prefix + "queries", b"%d" % number)
    finally:
        await producer.stop()


async def test_everything_has_three_copies(settings: Settings) -> None:
    reports = await create_topics(settings)
    assert {row.state for row in reports} == {"created"}
    assert all(row.state == "ok" for row in await list_topics(settings))
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        topics = await admin.describe_topics([row.name for row in reports])
    finally:
        await admin.close()
    copies = {len(row["replicas"]) for topic in topics for row in topic["partitions"]}
    assert copies == {3}


async def test_one_may_be_gone(three: Cluster, settings: Settings) -> None:
    """Whichever node a client asks first; the dead one stays in the metadata for seconds."""
    await create_topics(settings)
    leader = three.controller()
    assert leader is not None
    leader.kill()
    try:
        for _ in range(8):
            await require_broker(settings.kafka)
            assert len(await partitions_of(settings.kafka, settings.kafka.prefix + "queries")) == 3
        await put(settings, 10)
        await until(lambda: three.controller() not in (None, leader), "another controller")
    finally:
        leader.start()
    assert leader.status().running


async def test_commits_are_told_by_whoever_knows_them(settings: Settings) -> None:
    await create_topics(settings)
    topic = settings.kafka.prefix + "queries"
    partitions = [TopicPartition(topic, number) for number in range(3)]
    group = settings.kafka.prefix + "group"
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.commit({partitions[0]: OffsetAndMetadata(7, "seven")})
    finally:
        await consumer.stop()
    found = await commits_of(settings.kafka, group, partitions)
    assert found[partitions[0]] == OffsetAndMetadata(7, "seven")
    assert [found[row].offset for row in partitions[1:]] == [-1, -1]
    assert await commits_of(settings.kafka, group, []) == {}


async def test_no_commits_is_not_believed_of_a_node_that_cannot_know(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that isn't the group's coordinator, as after a move, says so; aiokafka drops that."""
    await create_topics(settings)
    partition = TopicPartition(settings.kafka.prefix + "queries", 0)
    group = settings.kafka.prefix + "group"
    asked: list[int] = []
    find = AIOKafkaAdminClient.find_coordinator

    async def stale(admin: AIOKafkaAdminClient, *arguments: str) -> int:
        """Wrong the first time."""
        right: int = await find(admin, *arguments)
        asked.append(right)
        return right if len(asked) > 1 else right % 3 + 1

    monkeypatch.setattr(AIOKafkaAdminClient, "find_coordinator", stale)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    await admin.start()
    try:
        assert await admin.list_consumer_group_offsets(group, partitions=[partition]) == {}
    finally:
        await admin.close()
    asked.clear()
    found = await commits_of(settings.kafka, group, [partition])
    assert found[partition].offset == -1
    assert len(asked) == 2


async def test_a_cluster_that_is_gone_is_told(three: Cluster) -> None:
    kafka = Kafka(bootstrap="127.0.0.1:1")
    with pytest.raises(KafkaError):
        await commits_of(kafka, "group", [TopicPartition("t", 0)])
