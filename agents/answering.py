"""Building answers and the metrics of attempts: pure."""

from __future__ import annotations

from agents.reply import Answer
from schemas.assignment import Assignment, Decision, ErrorKind
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import AnswerError, Response, Timings, Usage
from streams.settings import Model

MILLION_TOKENS = 1_000_000

ADDRESS = "reply_to"
"""The Kafka header of an answer and its chunks: whoever reads can skip what isn't for it."""


def addressed(reply_to: str | None) -> list[tuple[str, bytes]]:
    """The headers of what is sent in answer to a query with this ``reply_to``."""
    return [(ADDRESS, reply_to.encode())] if reply_to else []


def error_answer(
    source: Assignment | Query | str,
    kind: ErrorKind,
    message: str,
    now_ms: int,
    asked_at: int | None = None,
) -> Response:
    """An answer that says why there is none.

    Args:
        source: the assignment, the query, or only its id where no more can be read.
        kind: what sort of error.
        message: what went wrong, for a person.
        now_ms: Unix time in milliseconds.
        asked_at: when it was asked, where ``source`` doesn't say.
    """
    assignment = source if isinstance(source, Assignment) else None
    query = assignment.query if assignment else source
    started = assignment.asked_at if assignment else asked_at
    decision = assignment.decision if assignment else None
    known = query if isinstance(query, Query) else None
    return Response(
        query_id=known.query_id if known else str(query),
        task=assignment.task if assignment else known.task if known else None,
        model=decision.model if decision else None,
        attempt=assignment.attempt if assignment else 0,
        error=AnswerError(kind=kind, message=message),
        timings=Timings(total_s=seconds_between(started, now_ms)),
        decision=decision,
        answered_at=now_ms,
        session=known.session if known else None,
        reply_to=known.reply_to if known else None,
        replay=known.replay if known else None,
    )


def answered(
    name: str, model: Model, assignment: Assignment, answer: Answer, span: tuple[int, int]
) -> Response:
    """A model's answer as a response.

    Args:
        name: the model's.
        model: its settings: vector space and prices.
        assignment: what it was asked, when, and why it was chosen.
        answer: what it said.
        span: when the call began and when it ended, in Unix milliseconds.
    """
    started, now = span
    query, rows = assignment.query, answer.embeddings
    return Response(
        query_id=query.query_id,
        task=assignment.task,
        model=name,
        attempt=assignment.attempt,
        text=answer.text,
        embeddings=rows,
        vector_space=model.vector_space if rows else None,
        dimension=len(rows[0]) if rows else None,
        tool_calls=answer.tool_calls,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        cost_usd=cost_usd(model, answer.usage),
        timings=Timings(
            queue_s=seconds_between(assignment.asked_at, started),
            inference_s=seconds_between(started, now),
            first_token_s=answer.first_token_s,
            total_s=seconds_between(assignment.asked_at, now),
        ),
        decision=assignment.decision,
        answered_at=now,
        session=query.session,
        reply_to=query.reply_to,
        reference=query.reference,
        replay=query.replay,
    )


def seconds_between(started_at: int | None, ended_at: int) -> float:
    """Seconds, never negative (clocks of two machines may disagree); 0 where unknown."""
    return 0.0 if started_at is None else max(0, ended_at - started_at) / 1000


def cost_usd(model: Model, usage: Usage) -> float:
    """What the tokens cost at the model's prices, in USD."""
    return (
        (usage.prompt_tokens or 0) * model.input_price
        + (usage.completion_tokens or 0) * model.output_price
    ) / MILLION_TOKENS


def outcome_metric(response: Response, decision: Decision) -> Metric:
    """The outcome of the attempt that a response ends, whether it is an answer or an error.

    The response time is what the client waited for this model: from the decision to the answer.
    """
    error = response.error
    return Metric(
        query_id=response.query_id,
        attempt=response.attempt,
        model=decision.model,
        task=decision.task,
        kind="outcome",
        ok=error is None,
        error=error.kind if error else None,
        response_time_s=seconds_between(decision.decided_at, response.answered_at),
        prompt_tokens=response.usage.prompt_tokens,
        completion_tokens=response.usage.completion_tokens,
        cost_usd=response.cost_usd,
        decision_kind=decision.kind,
        propensity=decision.propensity,
        rule_version=decision.rule_version,
        session=response.session,
        replay=response.replay,
        decided_at=decision.decided_at,
        observed_at=response.answered_at,
    )


def failure_metric(assignment: Assignment, kind: ErrorKind, now_ms: int) -> Metric:
    """The outcome of an attempt that is handed on to another model."""
    assert assignment.decision is not None, "only an assigned query can fail at a model"
    return outcome_metric(error_answer(assignment, kind, "", now_ms), assignment.decision)


def judgement_metric(
    response: Response, decision: Decision, grader: str, accuracy: float
) -> Metric:
    """A grade of an answer."""
    return Metric(
        query_id=response.query_id,
        attempt=response.attempt,
        model=decision.model,
        task=decision.task,
        kind="judgement",
        grader=grader,
        accuracy=accuracy,
        decision_kind=decision.kind,
        propensity=decision.propensity,
        rule_version=decision.rule_version,
        session=response.session,
        replay=response.replay,
        decided_at=decision.decided_at,
        observed_at=response.answered_at,
    )
