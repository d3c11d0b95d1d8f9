"""``zeta run grader``: outcomes, grades and feedback of each answer, as metrics.

What it sends is a function of the records alone (a judge model's reply excepted), so a redelivery
sends the same metrics again and the aggregator counts them once. What is quick is sent at once;
code is run, and the judge model asked, beside it, each record being finished on its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from mode import Service

from agents.answering import judgement_metric, outcome_metric
from agents.crediting import Crediting
from agents.endpoints.endpoint import Endpoint
from agents.graders import SLOW_GRADERS
from agents.graders.grade import GradeError
from agents.graders.grading import accuracy
from agents.index_home import IndexHome, index_directory
from agents.metering.grader import GraderMeters
from agents.model_judge import ModelJudge
from agents.opinions import Opinions
from agents.partition_index import PartitionIndex
from agents.references import check_references, reference_of
from agents.slow_grading import SlowGrading
from schemas.metric import Metric
from schemas.query import Reference
from schemas.response import Response
from schemas.wire import WireError, decode
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.consuming import Batch, Intake, Record, attach
from streams.dead_letters import DeadLetters
from streams.replay.origin import replayed_by
from streams.secret_source import read_token
from streams.settings import Kafka, Settings
from streams.tracing import decided

ROLE = "grader"

Answers: TypeAlias = list[tuple[Record, Response]]


class GraderRole(Service):
    """The role: responses and feedback in, metrics out."""

    def __init__(
        self,
        settings: Settings,
        app: RoleApp,
        crediting: Crediting,
        judge: ModelJudge | None,
        now_ms: NowMs,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._outbox = app.outbox
        self._now_ms = now_ms
        self._dead_letters = DeadLetters(settings.kafka, app.outbox, ROLE, now_ms)
        self._judge = judge
        self._meters = GraderMeters(app.registry, settings)
        self._slow = SlowGrading(settings.grading)
        self._crediting = crediting
        letters, graded = self._dead_letters, self._meters.graded
        self._opinions = Opinions(settings, app.outbox, letters, crediting, graded, now_ms)
        self.intake: Intake

    async def on_stop(self) -> None:
        self._crediting.close()
        self._slow.close()
        if self._judge is not None:
            await self._judge.close()

    async def seek(
        self, consumer: AIOKafkaConsumer, assigned: set[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Where newly assigned partitions start; the judge's budget goes with them."""
        starts = await self._crediting.seek(consumer, assigned)
        for catch_up in self._crediting.catch_ups():
            self.intake.add_future(catch_up)
        if self._judge is not None:
            self._judge.set_share(len(self._crediting.owned) / self._crediting.partitions)
        return starts

    async def handle(self, batch: Batch) -> None:
        """Sends the metrics of a batch of responses, or of feedback."""
        if batch.partition.topic.endswith("feedback"):
            await self._opinions.handle(batch)
        elif (owned := self._crediting.owned.get(batch.partition.partition)) is not None:
            await owned.answers.enter(lambda: self._grade(batch, owned))

    async def _grade(self, batch: Batch, owned: PartitionIndex) -> None:
        answers, bad = _decoded(self._settings.kafka, batch.records)
        later = [(record, row) for record, row in answers if self._takes_long(row)]
        if not batch.begin(len(batch.records) - len(later)):
            return
        # At once, since a revocation that has run out of patience closes the index.
        joined = owned.learn(answers, batch.partition.topic, batch.records[-1].offset + 1)
        with batch.handling() as handling:
            for record, problem in bad:
                handling.take(record)
                await self._dead_letters.put(record, problem)
            for record, response in answers:
                handling.take(record)
                await self._send_quick(record, response)
        await self._opinions.send(joined)
        owned.prune(self._now_ms())
        slow = {record.offset for record, _ in later}
        if quick := [record for record in batch.records if record.offset not in slow]:
            batch.finish(*quick)
        for record, response in later:
            self.intake.add_future(self._handle_later(batch, record, response))

    def _takes_long(self, response: Response) -> bool:
        reference = reference_of(self._settings, response)
        if reference is not None and reference.kind in SLOW_GRADERS:
            return True
        return self._judge is not None and self._judge.wants(response)

    async def _send_quick(self, record: Record, response: Response) -> None:
        self._meters.answered(response)
        decided(response.query_id, response.decision)
        if response.decision is None:
            return  # no model was asked: nobody to credit or to blame
        await self._send(outcome_metric(response, response.decision))
        reference = reference_of(self._settings, response)
        if reference is None or reference.kind in SLOW_GRADERS:
            return
        try:
            await self._send_grade(response, reference.kind, await accuracy(response, reference))
        except GradeError as error:
            await self._dead_letters.put(record, str(error), "ungradable")

    async def _handle_later(self, batch: Batch, record: Record, response: Response) -> None:
        with batch.handling(record):
            decided(response.query_id, response.decision)
            await self._finish_later(batch, record, response)

    async def _finish_later(self, batch: Batch, record: Record, response: Response) -> None:
        """What takes long; claimed only when it begins, so that a revocation needn't wait."""
        reference = reference_of(self._settings, response)
        slow = reference is not None and reference.kind in SLOW_GRADERS
        if reference is not None and slow and not self._slow.refuses():
            async with self._slow.turn():
                if not batch.begin(1):
                    return
                await self._send_slow(record, response, reference)
        elif not batch.begin(1):
            return
        if self._judge is not None and self._judge.wants(response):
            score = await self._judge.accuracy(response)
            if score is not None:
                await self._send_grade(response, self._judge.name, score)
        batch.finish(record)

    async def _send_slow(self, record: Record, response: Response, reference: Reference) -> None:
        try:
            grade = await self._slow.accuracy(response, reference)
        except GradeError as error:
            await self._dead_letters.put(record, str(error), "ungradable")
        else:
            await self._send_grade(response, reference.kind, grade)

    async def _send_grade(self, response: Response, grader: str, grade: float) -> None:
        assert response.decision is not None, "only an assigned query's answer is graded"
        await self._send(judgement_metric(response, response.decision, grader, grade))

    async def _send(self, metric: Metric) -> None:
        self._meters.graded(metric)
        await self._outbox.send("metrics", metric, key=metric.query_id)


def _decoded(kafka: Kafka, records: Sequence[Record]) -> tuple[Answers, list[tuple[Record, str]]]:
    """The responses, replayed ones marked so, and what can't be read with the reason."""
    answers: Answers = []
    bad = []
    for record in records:
        try:
            response = decode(Response, record.value)
        except WireError as error:
            bad.append((record, str(error)))
            continue
        if run := replayed_by(kafka, record.headers):
            response = msgspec.structs.replace(response, replay=run)
        answers.append((record, response))
    return answers, bad


def _model_judge(settings: Settings, environment: Mapping[str, str]) -> ModelJudge | None:
    name = settings.judge.model
    if not name:
        return None
    model = settings.models[name]
    key = f"models.{name}.token"
    token = read_token(key, model.token_variable, model.token_file, environment)
    endpoint = Endpoint(model, token)
    return ModelJudge(settings, endpoint, model.concurrency, time.monotonic)


def build_grader(
    settings: Settings,
    replica: str = "",
    now_ms: NowMs = now_ms,
    environment: Mapping[str, str] = os.environ,
) -> RoleApp:
    """The process: the outbox, the agent, the intake of ``responses`` and ``feedback``.

    Raises:
        SettingsError: a task's reference has no grader, or the judge's token isn't there.
    """
    check_references(settings)
    directory = index_directory(settings, ROLE, environment)
    app = build_app(settings, ROLE)
    crediting = Crediting(settings.kafka, ROLE, lambda: IndexHome(directory), now_ms)
    judge = _model_judge(settings, environment)
    role = GraderRole(settings, app, crediting, judge, now_ms)
    role.intake = Intake(
        app,
        settings.kafka,
        app.outbox,
        group=ROLE,
        topics=["responses", "feedback"],
        replica=replica,
        seek=role.seek,
        on_revoked=crediting.forget,
    )
    attach(app, role.intake, role.handle)
    app.before_agents += (role,)
    app.after_agents = (role.intake,)
    return app
