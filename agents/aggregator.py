"""``zeta run aggregator``: folds ``metrics`` into tumbling windows, and publishes them closed.

All that it holds is a fold of the log: after a kill or a rebalance the next owner of a partition
folds the same records again and publishes the same bytes (``streams.windows``). It sends the
ticks that close windows; it is the only role whose clock matters to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from mode import Service

from agents.metering.aggregator import AggregatorMeters
from schemas.tick import Tick
from schemas.window_score import WindowScore
from schemas.wire import WireError
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.consuming import Batch, Intake, Record, attach
from streams.dead_letters import DeadLetters
from streams.folding import fold_records
from streams.identities import reach_ms
from streams.metering import Reason
from streams.patience import commits_of
from streams.producing import Outbox
from streams.refusing import RefusedError
from streams.settings import Settings
from streams.tables import partitions_of
from streams.windows import Anchor, WindowFold

ROLE = "aggregator"


class Aggregator:
    """The role's state: one fold per owned partition of ``metrics``."""

    def __init__(self, settings: Settings, app: RoleApp, now_ms: NowMs) -> None:
        self._settings = settings
        self._outbox = app.outbox
        self._dead_letters = DeadLetters(settings.kafka, app.outbox, ROLE, now_ms)
        self._group = settings.kafka.prefix + ROLE
        self.folds: dict[TopicPartition, WindowFold] = {}
        self._meters = AggregatorMeters(app.registry, settings, self.open_windows)

    def open_windows(self) -> int:
        """How many windows are open, of all partitions."""
        return sum(fold.open_windows for fold in self.folds.values())

    async def handle(self, batch: Batch) -> None:
        """Folds a batch and sends the parts of the windows that it closes."""
        if not batch.begin():
            return
        fold, records = self.folds[batch.partition], batch.records
        done = 0
        with batch.handling() as handling:
            for position, said in fold_records(fold, self._settings.kafka, records):
                record = records[position]
                handling.pass_over(records[done:position])
                handling.take(record)
                done = position + 1
                if isinstance(said, Exception):
                    await self._refuse(fold, record, said)
                else:
                    await self._publish(said)
            handling.pass_over(records[done:])
        batch.finish()
        if (anchor := fold.anchor()) is not None:
            batch.anchor(anchor.offset, msgspec.json.encode(anchor).decode())

    async def _publish(self, parts: Sequence[WindowScore]) -> None:
        for part in parts:
            self._meters.closed(part)
            await self._outbox.send("scores", part, key=part.task)

    async def _refuse(
        self, fold: WindowFold, record: Record, error: RefusedError | WireError
    ) -> None:
        if not fold.looks_back(record.offset):
            self._meters.refused()
            reason: Reason = "refused" if isinstance(error, RefusedError) else "undecodable"
            await self._dead_letters.put(record, str(error), reason)

    async def seek(
        self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Makes the folds of newly assigned partitions; returns where each starts to read."""
        anchors = await self._anchors(assigned)
        beginnings = await consumer.beginning_offsets(list(assigned))
        positions: dict[TopicPartition, int] = {}
        for partition in assigned:
            anchor = anchors.get(partition)
            if anchor is not None and anchor.offset < beginnings[partition]:
                anchor = None  # retention has taken what it points at
            total = len(await partitions_of(self._settings.kafka, partition.topic))
            self.folds[partition] = WindowFold(
                partition=partition.partition,
                partitions=total,
                tasks=self._settings.tasks,
                windows=self._settings.windows,
                resume=anchor,
            )
            positions[partition] = beginnings[partition]
            if anchor is not None:
                positions[partition] = await self._look_back(consumer, partition, anchor)
        return positions

    async def _look_back(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, anchor: Anchor
    ) -> int:
        """The first offset whose identity may matter at the anchor."""
        since = max(0, anchor.logged_at - reach_ms(self._settings.windows.horizon_ms))
        found = (await consumer.offsets_for_times({partition: since}))[partition]
        return anchor.offset if found is None else min(anchor.offset, found.offset)

    async def _anchors(self, assigned: set[TopicPartition]) -> dict[TopicPartition, Anchor]:
        committed = await commits_of(self._settings.kafka, self._group, assigned)
        return {
            partition: msgspec.json.decode(commit.metadata, type=Anchor)
            for partition, commit in committed.items()
            if commit.offset >= 0 and commit.metadata
        }

    def forget(self, revoked: set[TopicPartition]) -> None:
        """Drops the folds of partitions that another process owns now."""
        for partition in revoked:
            self.folds.pop(partition, None)


class Ticker(Service):
    """Writes the clock into each owned partition, so that idle windows close too."""

    def __init__(
        self, settings: Settings, aggregator: Aggregator, outbox: Outbox, now_ms: NowMs
    ) -> None:
        super().__init__()
        self._interval_s = settings.windows.tick_s
        self._aggregator = aggregator
        self._outbox = outbox
        self._now_ms = now_ms

    @Service.task
    async def _tick(self) -> None:
        async for _ in self.itertimer(self._interval_s, name="tick"):
            tick = Tick(ticked_at=self._now_ms())
            for partition in sorted(self._aggregator.folds):
                await self._outbox.send("metrics", tick, key=None, partition=partition.partition)


def build_aggregator(settings: Settings, replica: str = "", now_ms: NowMs = now_ms) -> RoleApp:
    """The process: the outbox, the agent, the intake of ``metrics``, the ticker."""
    app = build_app(settings, ROLE)
    aggregator = Aggregator(settings, app, now_ms)
    intake = Intake(
        app,
        settings.kafka,
        app.outbox,
        group=ROLE,
        topics=["metrics"],
        replica=replica,
        seek=aggregator.seek,
        on_revoked=aggregator.forget,
    )
    attach(app, intake, aggregator.handle)
    app.after_agents = (intake, Ticker(settings, aggregator, app.outbox, now_ms))
    return app
