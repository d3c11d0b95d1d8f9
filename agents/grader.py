"""``zeta run grader``: each answer's outcome, and its grade where it has a reference, as metrics.

What it sends is a function of the response alone, so a redelivery sends the same metrics again
and the aggregator counts them once.
"""

from __future__ import annotations

from agents.answering import judgement_metric, outcome_metric
from agents.graders import GRADERS
from agents.graders.grade import GradeError
from schemas.metric import Metric
from schemas.response import Response
from schemas.wire import WireError, decode
from streams.app import RoleApp, build_app
from streams.clock import NowMs, now_ms
from streams.consuming import Batch, Intake, Record, attach
from streams.dead_letters import DeadLetters
from streams.settings import Settings

ROLE = "grader"


def judge(response: Response) -> Metric | None:
    """The grade of a response; None where there is nothing to grade, or nothing to grade by.

    Raises:
        GradeError: unknown kind of reference, or a value that its grader can't take.
    """
    reference, decision = response.reference, response.decision
    if reference is None or decision is None or response.error is not None:
        return None
    if reference.kind not in GRADERS:
        known = ", ".join(GRADERS)
        raise GradeError(f"reference.kind {reference.kind!r} has no grader; kinds are {known}")
    accuracy = GRADERS[reference.kind](response, reference)
    return judgement_metric(response, decision, reference.kind, accuracy)


class GraderRole:
    """The role: responses in, metrics out."""

    def __init__(self, settings: Settings, app: RoleApp, now_ms: NowMs) -> None:
        self._outbox = app.outbox
        self._dead_letters = DeadLetters(settings.kafka, app.outbox, ROLE, now_ms)

    async def handle(self, batch: Batch) -> None:
        """Sends the metrics of a batch of responses."""
        if batch.begin():
            for record in batch.records:
                await self._handle(record)
            batch.finish()

    async def _handle(self, record: Record) -> None:
        try:
            response = decode(Response, record.value)
            if response.decision is None:
                return  # no model was asked: nobody to credit or to blame
            await self._send(outcome_metric(response, response.decision))
            if (judgement := judge(response)) is not None:
                await self._send(judgement)
        except (WireError, GradeError) as error:
            await self._dead_letters.put(record, str(error))

    async def _send(self, metric: Metric) -> None:
        await self._outbox.send("metrics", metric, key=metric.query_id)


def build_grader(settings: Settings, replica: str = "", now_ms: NowMs = now_ms) -> RoleApp:
    """The process: the outbox, the agent, the intake of ``responses``."""
    app = build_app(settings, ROLE)
    role = GraderRole(settings, app, now_ms)
    intake = Intake(
        app, settings.kafka, app.outbox, group=ROLE, topics=["responses"], replica=replica
    )
    attach(app, intake, role.handle)
    app.after_agents = (intake,)
    return app
