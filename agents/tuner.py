"""``zeta run tuner``: merges closed windows, and publishes the rules that follow from them.

``scores`` and ``controls`` have one partition each, so of all tuners in the group one is active.
It starts from the newest rule of each task, which carries the policy's whole state. A rule goes
to ``rules-log`` and ``rules``; a tuner killed between the two, or before its commit, publishes
the same bytes again.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from agents.merging import RuleFold
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from schemas.window_score import WindowScore
from schemas.wire import WireError, decode
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.consuming import Batch, Intake, Record, attach
from streams.dead_letters import DeadLetters
from streams.settings import Settings
from streams.tables import read_all

ROLE = "tuner"


class Tuner:
    """The role's state: the fold of what its two topics hold."""

    def __init__(self, settings: Settings, app: RoleApp, now_ms: NowMs) -> None:
        self._settings = settings
        self._prefix = settings.kafka.prefix
        self._outbox = app.outbox
        self._dead_letters = DeadLetters(settings.kafka, app.outbox, ROLE, now_ms)
        self._now_ms = now_ms
        self._fold = RuleFold()

    async def handle(self, batch: Batch) -> None:
        """Folds a batch of scores or of controls and publishes the rules that follow."""
        if not batch.begin():
            return
        is_scores = batch.partition.topic == self._prefix + "scores"
        for record in batch.records:
            try:
                await (self._take_score(record) if is_scores else self._take_control(record))
            except WireError as error:
                await self._dead_letters.put(record, str(error))
        batch.finish()
        if is_scores:
            oldest = self._fold.oldest_open()
            batch.anchor(batch.records[-1].offset + 1 if oldest is None else oldest)

    async def _take_score(self, record: Record) -> None:
        for rule in self._fold.score(record.offset, decode(WindowScore, record.value)):
            await self._publish(rule)

    async def _take_control(self, record: Record) -> None:
        rule = self._fold.control(record.offset, decode(Control, record.value))
        if rule is not None:
            await self._publish(rule)

    async def _publish(self, rule: RoutingRule) -> None:
        await self._outbox.send("rules-log", rule, key=rule.task)
        # A rule in force that the log lacks would leave a gap there: the table is what a
        # restart goes on from, and it may be on another broker.
        await self._outbox.flush()
        await self._outbox.send("rules", rule, key=rule.task)

    async def seek(
        self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Takes over: the newest rules, then the controls up to now, then this configuration."""
        kafka = self._settings.kafka
        newest = {rule.task: rule for _, rule in await read_all(kafka, "rules", RoutingRule)}
        self._fold = RuleFold(newest.values())
        next_control = 0
        for offset, control in await read_all(kafka, "controls", Control):
            rule = self._fold.control(offset, control)
            next_control = offset + 1
            if rule is not None:
                await self._publish(rule)
        await self._configure()
        return {
            partition: next_control
            if partition.topic == self._prefix + "controls"
            else await self._committed(consumer, partition)
            for partition in assigned
        }

    async def _configure(self) -> None:
        """Makes a configuration that differs from the newest on ``controls`` known there."""
        known = self._fold.configurations()
        for task in self._settings.tasks:
            configuration = self._settings.routing_configuration(task)
            if known.get(task) != configuration:
                control = Control(
                    task=task,
                    action="configure",
                    configuration=configuration,
                    source="configuration",
                    reason="the tuner's settings changed" if task in known else "first start",
                    issued_at=self._now_ms(),
                )
                await self._outbox.send("controls", control, key=task)

    @staticmethod
    async def _committed(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
        beginning: int = (await consumer.beginning_offsets([partition]))[partition]
        return max(beginning, await consumer.committed(partition) or 0)


def build_tuner(settings: Settings, replica: str = "", now_ms: NowMs = now_ms) -> RoleApp:
    """The process: the outbox, the agent, the intake of ``scores`` and ``controls``."""
    app = build_app(settings, ROLE)
    tuner = Tuner(settings, app, now_ms)
    intake = Intake(
        app,
        settings.kafka,
        app.outbox,
        group=ROLE,
        topics=["scores", "controls"],
        replica=replica,
        seek=tuner.seek,
    )
    attach(app, intake, tuner.handle)
    app.after_agents = (intake,)
    return app
