"""``zeta run archiver``: keeps every topic as Parquet files, each record once.

The archive itself says where to go on: the consumer group only shares the partitions out, and its
commits only tell how far the archive is (``streams.archive``). A kill at any moment loses
nothing, since what isn't published is still on the broker. While the disk is full it waits.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from mode import Service
from prometheus_client import CollectorRegistry

from agents.metering.archiver import ArchiverMeters
from agents.room import Room
from streams.app import RoleApp, build_app
from streams.archive.chain import Chain
from streams.archive.opening import open_store
from streams.archive.publishing import PartitionArchive
from streams.archive.redaction import Redaction, redaction_of
from streams.archive.store import ArchiveError, Store
from streams.consuming import Batch, Intake, attach
from streams.settings import Settings, SettingsError
from streams.tables import partitions_of
from streams.topics import event_types, topic_table

ROLE = "archiver"

# Of all partitions together; beyond it, the largest goes to the disk though its row group isn't
# full.
HELD_BYTES = 128 * 1024 * 1024
LONGEST_CHECK_S = 1.0


@dataclass
class _Owned:
    """A partition of ours: one thread at a time works on it."""

    archive: PartitionArchive
    batch: Batch | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Archiver(Service):
    """The role's state: what was taken of each owned partition and isn't published yet.

    Memory is bounded, however many partitions there are: records go to the disk by row groups.

    Raises:
        ArchiveError: at start, when the directory isn't fit.
        TopicMissingError: at start, when a topic isn't there.
    """

    def __init__(
        self,
        settings: Settings,
        open_archive: Callable[[], Store],
        redaction: Redaction,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._redaction = redaction
        self._open_archive = open_archive
        self._clock = clock
        self._owned: dict[TopicPartition, _Owned] = {}
        self._room = Room(clock)
        self._meters = ArchiverMeters(registry, self.oldest_s)
        self._store: Store

    @property
    def topics(self) -> Sequence[str]:
        """The topics that are kept, without the prefix."""
        named = self._settings.archive.topics
        return named or [row.name for row in topic_table(self._settings.models)]

    def oldest_s(self) -> float:
        """How long ago the oldest record came that isn't in a file yet."""
        return max((owned.archive.age_s for owned in self._owned.values()), default=0.0)

    async def on_start(self) -> None:
        for topic in self.topics:
            await partitions_of(self._settings.kafka, self._settings.kafka.prefix + topic)
        await self._room.run(self._open)

    def _open(self) -> None:
        self._store = self._open_archive()

    async def handle(self, batch: Batch) -> None:
        """Gathers a batch; the commit stays where the archive is."""
        if not batch.begin():
            return
        owned = self._owned[batch.partition]
        async with owned.lock:
            topic = owned.archive.chain.topic
            owned.archive.take(self._redaction.records(topic, batch.records))
            owned.batch = replace(batch, records=())
            batch.anchor(owned.archive.chain.first)
            batch.finish()
            if owned.archive.full:
                await self._convert(owned.archive)
            if owned.archive.group_full:
                await self._room.run(owned.archive.write)
            await self._publish_if_due(owned)
        await self._stay_small()

    async def _convert(self, archive: PartitionArchive) -> None:
        try:
            archive.convert()
        except ArchiveError as error:
            await self._room.wait(error)
            await self._room.run(archive.convert)

    @property
    def held_bytes(self) -> int:
        """What is in memory of all partitions, about."""
        return sum(row.archive.held_bytes for row in self._owned.values())

    async def _stay_small(self) -> None:
        while self.held_bytes > HELD_BYTES:
            largest = max(self._owned.values(), key=lambda row: row.archive.held_bytes)
            async with largest.lock:
                await self._room.run(largest.archive.write)

    async def publish_due(self) -> None:
        """Publishes what has waited long enough."""
        for owned in list(self._owned.values()):
            async with owned.lock:
                await self._publish_if_due(owned)

    async def _publish_if_due(self, owned: _Owned) -> None:
        if owned.archive.due():
            await self._publish(owned)

    async def _publish(self, owned: _Owned) -> None:
        await self._room.run(owned.archive.publish)
        for rows, size in owned.archive.take_published():
            self._meters.published(owned.archive.chain.topic, rows, size)
        if owned.batch is not None:
            owned.batch.anchor(owned.archive.chain.first)

    async def settle(self, leaving: set[TopicPartition]) -> None:
        """Publishes what is held of partitions that go to others."""
        for partition in leaving & self._owned.keys():
            owned = self._owned[partition]
            async with owned.lock:
                await self._publish(owned)

    async def seek(
        self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Opens the chains of newly assigned partitions; returns where each goes on."""
        beginnings = await consumer.beginning_offsets(list(assigned))
        ends = await consumer.end_offsets(list(assigned))
        by_topic: dict[str, list[TopicPartition]] = defaultdict(list)
        for partition in assigned:
            by_topic[partition.topic].append(partition)
        positions: dict[TopicPartition, int] = {}
        for name, partitions in by_topic.items():
            topic = name.removeprefix(self._settings.kafka.prefix)
            paths = await asyncio.to_thread(self._store.paths, topic)
            for partition in partitions:
                chain = Chain(self._store, topic, partition.partition)
                begin, end = beginnings[partition], ends[partition]
                positions[partition] = await asyncio.to_thread(chain.open, paths, begin, end)
                self._own(partition, chain)
        return positions

    def _own(self, partition: TopicPartition, chain: Chain) -> None:
        types = event_types(chain.topic) or ()
        limits = self._settings.archive
        archive = PartitionArchive(self._store, chain, types, limits, self._clock)
        self._owned[partition] = _Owned(archive)

    def forget(self, revoked: set[TopicPartition]) -> None:
        """Drops what is left of partitions that another process owns now."""
        for partition in revoked & self._owned.keys():
            self._owned.pop(partition).archive.discard()

    async def on_stop(self) -> None:
        self.forget(set(self._owned))


class Roller(Service):
    """Publishes by age, also when no record comes."""

    def __init__(self, archiver: Archiver, intake: Intake, roll_s: float) -> None:
        super().__init__()
        self._archiver = archiver
        self._intake = intake
        self._interval_s = min(LONGEST_CHECK_S, roll_s / 4)

    @Service.task
    async def _roll(self) -> None:
        async for _ in self.itertimer(self._interval_s, name="roll"):
            if not self._intake.crashed:
                await self._archiver.publish_due()


def build_archiver(
    settings: Settings,
    replica: str = "",
    open_archive: Callable[[], Store] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> RoleApp:
    """The process: the archive, the agent, the intake of all topics, the timer.

    Raises:
        SettingsError: no directory is set, or not the key that hashes need.
    """
    directory = settings.archive.directory
    if not directory:
        problem = "is missing; set the directory or the URL where the archive is to be"
        raise SettingsError("settings", "archive.directory", problem)
    redaction = redaction_of(settings.archive, environment)
    app = build_app(settings, ROLE)
    opening = open_archive or (lambda: open_store(directory, writing=True))
    archiver = Archiver(settings, opening, redaction, app.registry)
    intake = Intake(
        app,
        settings.kafka,
        app.outbox,
        group=ROLE,
        topics=archiver.topics,
        replica=replica,
        max_in_flight=2 * settings.kafka.max_batch,
        seek=archiver.seek,
        commits_seek=True,
        settle=archiver.settle,
        on_revoked=archiver.forget,
    )
    attach(app, intake, archiver.handle)
    # Not the outbox: it sends nothing, and an idempotent producer must be allowed to write.
    app.before_agents = (archiver,)
    app.after_agents = (intake, Roller(archiver, intake, settings.archive.roll_s))
    return app
