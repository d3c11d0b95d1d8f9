"""``zeta run router``: puts each query on the topic of one model.

Reads ``queries`` and ``reroutes``; knows ``rules`` and ``model-status`` before its first query.
A query that no model can take now waits on ``reroutes``; one whose time limit has passed gets an
error answer; a record that is no query goes to ``dead-letters``, with an error answer where its
query id can be read.
"""

from __future__ import annotations

import asyncio
import contextlib
from time import perf_counter

import msgspec

from agents.answering import addressed, error_answer
from agents.classifying import classify
from agents.giving_up import late, rejection
from agents.health import Health
from agents.metering.router import RouterMeters
from agents.retrying import retry_pause_s
from agents.routing import SHADOW, Refusal, Table, decide, shadow, task_problem
from schemas.assignment import Assignment
from schemas.model_status import ModelStatus
from schemas.query import Query
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.wire import WireError, decode, salvage_query_id
from streams.app import RoleApp, build_app
from streams.clock import NowMs, loop_s, now_ms
from streams.consuming import Batch, Intake, Record, attach
from streams.dead_letters import DeadLetters
from streams.metering import Reason
from streams.producing import RecordTooLargeError
from streams.replay.origin import replayed_by
from streams.settings import Settings
from streams.tables import TableReader
from streams.topics import model_topic
from streams.tracing import decided

ROLE = "router"

LONGEST_S = 7 * 86_400.0
"""A time limit beyond this is one of this: by then ``queries`` has lost the query itself."""


class Router:
    """The role's state: the rules in force, and which models can't take work."""

    def __init__(self, settings: Settings, app: RoleApp, now_ms: NowMs) -> None:
        self._settings = settings
        self._prefix = settings.kafka.prefix
        self._outbox = app.outbox
        self._tracing = app.tracing
        self._dead_letters = DeadLetters(settings.kafka, app.outbox, ROLE, now_ms)
        self._now_ms = now_ms
        self._rules: dict[str, RoutingRule] = {}
        self._table = Table(self._rules)
        self._health = Health(settings.breaker.report_s)
        self._meters = RouterMeters(app.registry, settings, now_ms)
        self.intake: Intake

    def put_rule(self, rule: RoutingRule, record: Record) -> None:
        """Takes a rule into force; not an older one, as of a tuner that slept and wakes up."""
        known = self._rules.get(rule.task)
        if known is None or rule.version >= known.version:
            self._rules[rule.task] = rule
            self._meters.ruled(rule, record.timestamp)

    def put_status(self, status: ModelStatus, record: Record) -> None:
        """Notes whether a model can take work."""
        self._health.put(status, record.timestamp / 1000, loop_s())

    async def handle(self, batch: Batch) -> None:
        """Routes a batch in order; a reroute that isn't due waits, and holds back its commit."""
        if batch.partition.topic == self._prefix + "reroutes":
            for record in batch.records:
                self.intake.add_future(batch.within(record, self._handle_reroute))
        elif batch.begin():
            with batch.handling() as handling:
                for record in batch.records:
                    handling.take(record)
                    await self._handle_query(record)
            batch.finish()

    async def _handle_query(self, record: Record) -> None:
        try:
            query = decode(Query, record.value)
        except WireError as error:
            query_id = salvage_query_id(record.value)
            await self._refuse(record, query_id, None, str(error), "undecodable")
            return
        if not query.query_id:
            name = record.topic.removeprefix(self._prefix)
            query_id = f"{name}-{record.partition}-{record.offset}"
            query = msgspec.structs.replace(query, query_id=query_id)
        query = self._marked(record, query)
        task = classify(self._settings, query)
        if problem := task_problem(self._settings, query, task):
            await self._refuse(record, query.query_id, query, problem)
            return
        limit_s = min(query.time_limit_s or self._settings.tasks[task].time_limit_s, LONGEST_S)
        assignment = Assignment(
            query=query,
            task=task,
            attempt=1,
            asked_at=record.timestamp,
            deadline_at=record.timestamp + round(limit_s * 1000),
        )
        await self._route(record, assignment)

    def _marked(self, record: Record, query: Query) -> Query:
        """The query, which says whether ``zeta replay`` has sent it."""
        run = replayed_by(self._settings.kafka, record.headers)
        return query if run is None else msgspec.structs.replace(query, replay=run)

    async def _handle_reroute(self, batch: Batch, record: Record) -> None:
        try:
            assignment = decode(Assignment, record.value)
        except WireError as error:
            if batch.begin(1):
                query_id = salvage_query_id(record.value)
                await self._refuse(record, query_id, None, str(error), "undecodable")
                batch.finish(record)
            return
        # Its worker has blamed the model for that attempt; an error answer mustn't do so again.
        query = self._marked(record, assignment.query)
        assignment = msgspec.structs.replace(assignment, decision=None, query=query)
        problem = task_problem(self._settings, query, assignment.task)
        if problem is None:
            # No router sets a longer pause, and whatever waits here holds back its partition.
            longest = self._now_ms() + round(self._settings.routing.retry_longest_s * 1000)
            due = min(assignment.not_before_at or 0, assignment.deadline_at, longest)
            await asyncio.sleep(max(0.0, (due - self._now_ms()) / 1000))
        if batch.begin(1):
            if problem is None:
                await self._route(record, assignment)
            else:  # other settings than those by which it was first routed
                await self._refuse(record, query.query_id, query, problem)
            batch.finish(record)

    async def _route(self, record: Record, assignment: Assignment) -> None:
        now = self._now_ms()
        if now >= assignment.deadline_at:
            await self._answer(error_answer(assignment, "deadline", late(assignment), now))
            return
        began, now_s = perf_counter(), loop_s()
        table = self._table_now(now_s)
        query, task = assignment.query, assignment.task
        decision = decide(self._settings, table, query, task, assignment.tried, now_ms=now)
        if isinstance(decision, Refusal):
            await self._wait(assignment, decision, now)
            return
        routed = msgspec.structs.replace(assignment, decision=decision, not_before_at=None)
        self._meters.decided(decision, began, now)
        if self._tracing.spans is not None:
            decided(query.query_id, decision)
        try:
            await self._outbox.send(
                model_topic(decision.model), routed, key=query.query_id, anywhere=True
            )
        except RecordTooLargeError as error:
            await self._refuse(record, query.query_id, query, str(error), "too_large")
            return
        self._health.gave(decision.model, now_s)
        if assignment.attempt == 1 and not assignment.waits:
            await self._try_elsewhere(table, routed, now)

    def _table_now(self, now_s: float) -> Table:
        """The table of before, and what it remembers, while the same models are healthy."""
        unavailable = self._health.unavailable(now_s)
        if unavailable != self._table.unhealthy:
            self._table = Table(self._rules, unavailable)
        return self._table

    async def _try_elsewhere(self, table: Table, routed: Assignment, now: int) -> None:
        """Sends a shadow copy of an embedding query, where one is due."""
        query = routed.query
        decision = shadow(self._settings, table, query, routed.task, now_ms=now)
        if decision is None:
            return
        query_id = query.query_id + SHADOW
        copy = msgspec.structs.replace(
            routed,
            query=msgspec.structs.replace(query, query_id=query_id, reply_to=None, stream=False),
            decision=decision,
        )
        with contextlib.suppress(RecordTooLargeError):  # the query itself has just fitted
            await self._outbox.send(model_topic(decision.model), copy, key=query_id)

    async def _wait(self, assignment: Assignment, refusal: Refusal, now: int) -> None:
        """Puts a query that no model can take now back, for later; or refuses it for good."""
        if message := rejection(self._settings, assignment):
            await self._answer(error_answer(assignment, "rejected", message, now))
            return
        if not refusal.waits:
            await self._answer(error_answer(assignment, refusal.kind, refusal.message, now))
            return
        self._meters.waits(assignment.task)
        query_id, waits = assignment.query.query_id, assignment.waits + 1
        pause_s = retry_pause_s(self._settings.routing, query_id, waits)
        later = msgspec.structs.replace(
            assignment,
            decision=None,
            tried=[],
            waits=waits,
            not_before_at=now + round(pause_s * 1000),
        )
        try:
            await self._outbox.send("reroutes", later, key=query_id)
        except RecordTooLargeError as error:
            await self._answer(error_answer(assignment, "no_model", str(error), now))

    async def _refuse(
        self,
        record: Record,
        query_id: str | None,
        query: Query | None,
        problem: str,
        reason: Reason = "invalid",
    ) -> None:
        """Dead-letters a record; where the query id is known, whoever asked hears of it."""
        await self._dead_letters.put(record, problem, reason)
        if query_id is not None:
            now = self._now_ms()
            await self._answer(
                error_answer(query or query_id, "invalid", problem, now, asked_at=record.timestamp)
            )

    async def _answer(self, response: Response) -> None:
        headers = addressed(response.reply_to)
        await self._outbox.send("responses", response, key=response.query_id, headers=headers)


def build_router(settings: Settings, replica: str = "", now_ms: NowMs = now_ms) -> RoleApp:
    """The process: rule and health readers, the outbox, the agent, the intake."""
    app = build_app(settings, ROLE)
    router = Router(settings, app, now_ms)
    kafka, topics = settings.kafka, ["queries", "reroutes"]
    router.intake = Intake(app, kafka, app.outbox, group=ROLE, topics=topics, replica=replica)
    attach(app, router.intake, router.handle)
    app.before_agents += (
        TableReader(settings.kafka, "rules", RoutingRule, router.put_rule),
        TableReader(settings.kafka, "model-status", ModelStatus, router.put_status),
    )
    app.after_agents = (router.intake,)
    return app
