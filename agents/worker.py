"""``zeta run worker-<model>``: asks one model, a bounded number of queries at a time.

A query's assignment is committed only after its answer, or its reroute, is acknowledged. An
attempt that fails for good is noted in ``metrics`` and put on ``reroutes`` for another model; a
query past its time limit gets an error answer, also while it waits for its turn. When too many
calls fail, a breaker opens: queries are handed on without a call, but for a few probes. A query
whose client has left is answered without a call, and a call under way for it is ended.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Mapping

import msgspec
from mode import Service

from agents.answering import answered, failure_metric
from agents.breaker import Breaker
from agents.calling import Caller
from agents.cancelling import Cancellations
from agents.chunking import Chunks
from agents.endpoints.endpoint import Endpoint
from agents.metering.worker import ModelMeters
from agents.model_error import ModelError
from agents.probing import Prober
from agents.replying import Replies
from agents.reporting import Reporter
from schemas.assignment import Assignment, Failure
from schemas.cancellation import Cancellation
from schemas.model_status import ModelStatus
from schemas.wire import WireError, decode, salvage_query_id
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.consuming import Batch, Intake, Record, attach
from streams.dead_letters import DeadLetters
from streams.metering import Reason
from streams.producing import RecordTooLargeError
from streams.replay.origin import replayed_by
from streams.secret_source import read_token
from streams.settings import Settings, SettingsError
from streams.tables import TableReader
from streams.topics import model_topic
from streams.tracing import decided

ROLE = "worker"

MOST_FAILURES = 20
"""So many are remembered of a query that fails for hours; each adds to its record."""


class Worker(Service):
    """The role's state: whom it asks, and a semaphore of the model's concurrency."""

    def __init__(
        self, settings: Settings, name: str, app: RoleApp, caller: Caller, now_ms: NowMs
    ) -> None:
        super().__init__()
        self._settings = settings
        self._name = name
        self._model = settings.models[name]
        self._outbox = app.outbox
        self._dead_letters = DeadLetters(settings.kafka, app.outbox, f"{ROLE}-{name}", now_ms)
        self._replies = Replies(settings, name, app.outbox, now_ms)
        self._caller = caller
        self._now_ms = now_ms
        self.cancellations = Cancellations()
        self._slots = asyncio.Semaphore(self._model.concurrency)
        self.intake: Intake

    async def on_stop(self) -> None:
        await self._caller.endpoint.close()

    async def handle(self, batch: Batch) -> None:
        """Starts each record's work; each is finished on its own, in any order."""
        for record in batch.records:
            self.intake.add_future(batch.within(record, self._handle))

    async def _handle(self, batch: Batch, record: Record) -> None:
        try:
            assignment = decode(Assignment, record.value)
            if assignment.decision is None:
                raise WireError("an assignment without a decision")
            if assignment.task not in self._settings.tasks:
                raise WireError(f"unknown task {assignment.task!r}")
            if run := replayed_by(self._settings.kafka, record.headers):
                query = msgspec.structs.replace(assignment.query, replay=run)
                assignment = msgspec.structs.replace(assignment, query=query)
        except WireError as error:
            if batch.begin(1):
                await self._dead_letter(record, str(error))
                batch.finish(record)
            return
        decided(assignment.query.query_id, assignment.decision)
        try:
            async with asyncio.timeout(self._left_s(assignment)):
                await self.cancellations.unless(assignment.query.query_id, self._slots.acquire)
        except TimeoutError:
            if batch.begin(1):
                await self._replies.late(assignment, "it waited for the model")
                batch.finish(record)
            return
        except ModelError as cancelled:
            if batch.begin(1):
                await self._cancel(assignment, cancelled, called=False)
                batch.finish(record)
            return
        try:
            if batch.begin(1):
                await self._serve(record, assignment)
                batch.finish(record)
        finally:
            self._slots.release()

    def _left_s(self, assignment: Assignment) -> float:
        return max(0, assignment.deadline_at - self._now_ms()) / 1000

    async def _serve(self, record: Record, assignment: Assignment) -> None:
        started = self._now_ms()
        chunks = Chunks(self._outbox, self._name, assignment) if assignment.query.stream else None
        try:
            answer = await self.cancellations.unless(
                assignment.query.query_id, lambda: self._caller.ask(assignment, chunks)
            )
        except ModelError as error:
            begun = chunks is not None and chunks.number > 0
            await self._fail(assignment, error, final=begun or _is_shadow(assignment))
            return
        response = answered(self._name, self._model, assignment, answer, (started, self._now_ms()))
        try:
            await self._replies.answer(response, assignment)
            self._caller.meters.answered(response)
        except RecordTooLargeError as error:
            await self._dead_letter(record, str(error), "too_large")
            await self._replies.error(assignment, ModelError("bad_answer", str(error)))

    async def _fail(self, assignment: Assignment, error: ModelError, *, final: bool) -> None:
        """Blames this model for the attempt, and hands the query on while there is time."""
        if error.kind == "cancelled":
            await self._cancel(assignment, error, called=error.asked)
        elif self._left_s(assignment) <= 0:
            await self._replies.late(assignment, str(error))
        elif final and not error.asked:
            await self._replies.unblamed(assignment, error)
        elif final:
            await self._replies.error(assignment, error)
        else:
            await self._hand_on(assignment, error)

    async def _cancel(self, assignment: Assignment, error: ModelError, *, called: bool) -> None:
        """Says so to whoever counts answers; the model is neither praised nor blamed."""
        self._caller.meters.cancelled(called=called)
        await self._replies.unblamed(assignment, error)

    async def _hand_on(self, assignment: Assignment, error: ModelError) -> None:
        now, query_id = self._now_ms(), assignment.query.query_id
        failure = Failure(model=self._name, kind=error.kind, message=error.message, failed_at=now)
        self._caller.meters.rerouted(error.kind)
        rerouted = msgspec.structs.replace(
            assignment,
            attempt=assignment.attempt + error.asked,
            tried=[*assignment.tried, self._name],
            failures=[*assignment.failures, failure][-MOST_FAILURES:],
        )
        if error.asked:
            metric = failure_metric(assignment, error.kind, now)
            await self._outbox.send("metrics", metric, key=query_id)
        try:
            await self._outbox.send("reroutes", rerouted, key=query_id)
        except RecordTooLargeError:  # there is just room for the query, not for what failed
            plain = msgspec.structs.replace(rerouted, decision=None, failures=[])
            await self._outbox.send("reroutes", plain, key=query_id)

    async def _dead_letter(
        self, record: Record, problem: str, reason: Reason = "undecodable"
    ) -> None:
        await self._dead_letters.put(record, problem, reason)
        if (query_id := salvage_query_id(record.value)) is not None:
            await self._replies.invalid(query_id, problem)


def _is_shadow(assignment: Assignment) -> bool:
    """Whether the query is a copy for this model alone: no other can answer for it."""
    return assignment.decision is not None and assignment.decision.kind == "shadow"


def build_worker(
    settings: Settings,
    model: str,
    replica: str = "",
    now_ms: NowMs = now_ms,
    environment: Mapping[str, str] = os.environ,
) -> RoleApp:
    """The process of one model's worker.

    Raises:
        SettingsError: no such model, or its token isn't where the settings say.
    """
    if model not in settings.models:
        known = ", ".join(settings.models)
        raise SettingsError("zeta run", f"{ROLE}-{model}", f"no such model; models are {known}")
    declared = settings.models[model]
    key = f"models.{model}.token"
    token = read_token(key, declared.token_variable, declared.token_file, environment)
    app = build_app(settings, f"{ROLE}-{model}")
    breaker = Breaker(settings.breaker, model)
    reporter = Reporter(
        app.outbox,
        breaker,
        ModelStatus(
            model=model,
            worker=replica or uuid.uuid4().hex[:12],
            state="healthy",
            reason="",
            serves=declared.serves,
            last_seen_at=0,
        ),
        settings.breaker.report_s,
        now_ms,
    )
    endpoint = Endpoint(declared, token)
    caller = Caller(
        settings,
        model,
        endpoint,
        breaker,
        ModelMeters(app.registry, model, breaker),
        reporter.changed.set,
        now_ms,
    )
    worker = Worker(settings, model, app, caller, now_ms)
    kafka, group, topics = settings.kafka, f"{ROLE}-{model}", [model_topic(model)]
    worker.intake = Intake(app, kafka, app.outbox, group=group, topics=topics, replica=replica)
    attach(app, worker.intake, worker.handle)
    left = TableReader(
        settings.kafka,
        "cancellations",
        Cancellation,
        lambda event, _: worker.cancellations.put(event),
        from_end=True,
    )
    prober = Prober(model, endpoint, breaker, reporter, declared.probe_s)
    # The look comes before the first report, and both before the first query.
    app.before_agents += (worker, left, prober, reporter)
    app.after_agents = (worker.intake,)
    return app
