"""``zeta run tuner``: merges closed windows, and publishes the rules that follow from them.

``scores`` and ``controls`` have one partition each, so of all tuners in the group one is active.
It starts from the newest rule of each task, which carries the policy's whole state. A rule goes
to ``rules-log``, and to ``rules`` once it is there for good: a tuner killed between the two
leaves none that the log lacks, and its successor brings the table up to the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from mode import Service

from agents.merging import RuleFold
from agents.metering.tuner import TunerMeters
from agents.sanity import configuration_problem, score_problem
from agents.standing import repetitions
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from schemas.window_score import WindowScore
from schemas.wire import WireError, decode
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.consuming import Batch, Intake, Record, attach
from streams.dead_letters import DeadLetters
from streams.history import LoggedRecord, open_history
from streams.replay.origin import new_records
from streams.settings import Settings
from streams.tables import partitions_of, read_all

ROLE = "tuner"
REPEAT_CHECK_S = 60.0

# What one flush may hold, and how far back a rule that never reached ``rules`` can lie: those of
# two flushes, with room to spare.
AT_ONCE = 1000
LOG_TAIL = 10 * AT_ONCE


class Tuner:
    """The role's state: the fold of what its two topics hold."""

    def __init__(self, settings: Settings, app: RoleApp, now_ms: NowMs) -> None:
        self._settings = settings
        self._prefix = settings.kafka.prefix
        self._outbox = app.outbox
        self._dead_letters = DeadLetters(settings.kafka, app.outbox, ROLE, now_ms)
        self._now_ms = now_ms
        self._fold = RuleFold()
        self._active = False
        self._partitions = settings.kafka.partitions
        self._meters = TunerMeters(app.registry, settings, lambda: self._active)

    async def handle(self, batch: Batch) -> None:
        """Folds a batch of scores or of controls and publishes the rules that follow."""
        if not batch.begin():
            return
        is_scores = batch.partition.topic == self._prefix + "scores"
        rules: list[RoutingRule] = []
        for record in new_records(self._settings.kafka, batch.records):
            if is_scores and self._is_wider(record):
                await self._count_partitions()
            try:
                rules += self._take_score(record) if is_scores else self._take_control(record)
            except WireError as error:
                with batch.handling(record):
                    await self._dead_letters.put(record, str(error))
        await self._publish(rules)
        batch.finish()
        if is_scores:
            oldest = self._fold.oldest_open()
            batch.anchor(batch.records[-1].offset + 1 if oldest is None else oldest)

    def _take_score(self, record: Record) -> list[RoutingRule]:
        score = decode(WindowScore, record.value)
        ahead_s = (score.window_end_at - record.timestamp) / 1000
        if ahead_s > self._settings.windows.skew_s:
            raise WireError(f"its window ends {ahead_s:.1f} s after it was written")
        problem = score_problem(score)
        if problem is None and score.partitions > self._partitions:
            problem = f"metrics has {self._partitions} partitions, not {score.partitions}"
        if problem is not None:
            raise WireError(problem)
        return list(self._fold.score(record.offset, score))

    def _take_control(self, record: Record) -> list[RoutingRule]:
        control = decode(Control, record.value)
        rule = self._fold.control(record.offset, control)
        wanted = control.configuration
        if wanted is not None and (problem := configuration_problem(control.task, wanted)):
            raise WireError(problem)
        return [*([] if rule is None else [rule]), *self._fold.whole()]

    def _is_wider(self, record: Record) -> bool:
        """Whether a part tells of more ``metrics`` partitions than are known."""
        try:
            return decode(WindowScore, record.value).partitions > self._partitions
        except WireError:
            return False

    async def _count_partitions(self) -> None:
        topic = self._prefix + "metrics"
        self._partitions = len(await partitions_of(self._settings.kafka, topic))

    async def _publish(self, rules: Sequence[RoutingRule]) -> None:
        for start in range(0, len(rules), AT_ONCE):
            some = rules[start : start + AT_ONCE]
            for rule in some:
                await self._outbox.send("rules-log", rule, key=rule.task)
            await self._outbox.flush()
            for rule in some:
                await self._outbox.send("rules", rule, key=rule.task)
                self._meters.published(rule)

    async def repeat_standing(self) -> None:
        """Sends again what has stood for a day, before retention takes it."""
        if not self._active:
            return
        fold = self._fold
        due = list(repetitions(fold.standings(), fold.next_control, self._now_ms()))
        for control in due:
            await self._outbox.send("controls", control, key=control.task)

    async def seek(
        self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Takes over: the newest rules, then the controls up to now, then this configuration."""
        kafka = self._settings.kafka
        self._fold = RuleFold((await self._newest_rules()).values())
        next_control = 0
        rules: list[RoutingRule] = []
        for offset, control in await read_all(kafka, "controls", Control):
            rule = self._fold.control(offset, control)
            next_control = offset + 1
            rules += [] if rule is None else [rule]
        await self._publish(rules)
        await self._configure()
        self._active = True
        return {
            partition: next_control
            if partition.topic == self._prefix + "controls"
            else await self._committed(consumer, partition)
            for partition in assigned
        }

    async def _newest_rules(self) -> dict[str, RoutingRule]:
        """Of each task; what only the log has goes to the table as well."""
        kafka = self._settings.kafka
        newest = {rule.task: rule for _, rule in await read_all(kafka, "rules", RoutingRule)}
        async with open_history(kafka, ["rules-log"], last=LOG_TAIL) as log:
            async for records in log.read("rules-log", 0):
                for rule in filter(None, map(_rule_of, new_records(kafka, records))):
                    if rule.task not in newest or newest[rule.task].version < rule.version:
                        newest[rule.task] = rule
                        await self._outbox.send("rules", rule, key=rule.task)
        return newest

    def stop(self, _revoked: set[TopicPartition]) -> None:
        """Leaves the topics to another process."""
        self._active = False

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


def _rule_of(record: LoggedRecord) -> RoutingRule | None:
    try:
        return decode(RoutingRule, record.value)
    except WireError:
        return None  # nobody's rule; `zeta rebuild` names it


class Repeater(Service):
    """Lets the active tuner look now and then for what must be sent again."""

    def __init__(self, tuner: Tuner, every_s: float) -> None:
        super().__init__()
        self._tuner = tuner
        self._every_s = every_s

    @Service.task
    async def _repeat(self) -> None:
        async for _ in self.itertimer(self._every_s, name="repeat"):
            await self._tuner.repeat_standing()


def build_tuner(
    settings: Settings,
    replica: str = "",
    now_ms: NowMs = now_ms,
    repeat_check_s: float = REPEAT_CHECK_S,
) -> RoleApp:
    """The process: the outbox, the agent, the intake of ``scores`` and ``controls``, a timer."""
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
        on_revoked=tuner.stop,
    )
    attach(app, intake, tuner.handle)
    app.after_agents = (intake, Repeater(tuner, repeat_check_s))
    return app
