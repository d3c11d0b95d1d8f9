"""One query's whole story, as the page tells it, from what was found of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.board.showing import LONGEST_REASON, LONGEST_TEXT, maybe, shown
from schemas.assignment import Assignment, Decision, Failure
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import Response
from streams.redrive.mark import Place

MOST_PARTS = 64


@dataclass
class Found:
    """What was found of a query. ``missing`` says in words what was not."""

    query_id: str
    query: Query | None = None
    asked_at: int | None = None
    deadline_at: int | None = None
    response: Response | None = None
    reroutes: list[Assignment] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    opinions: list[Feedback] = field(default_factory=list)
    letters: list[tuple[Place, DeadLetter]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def anything(self) -> bool:
        """Whether there is a story to tell."""
        parts = (self.query, self.response, self.reroutes, self.metrics, self.letters)
        return any(parts)

    def decisions(self) -> list[Decision]:
        """Every decision that is known of, oldest first, each once."""
        known = [one.decision for one in self.reroutes if one.decision is not None]
        if self.response is not None and self.response.decision is not None:
            known.append(self.response.decision)
        unique = {(one.decided_at, one.model): one for one in known}
        return [unique[key] for key in sorted(unique)]


def story(found: Found) -> dict[str, Any]:
    """The story as JSON: texts bounded, with nothing in them that a page would obey."""
    return {
        "id": shown(found.query_id, 260),
        "found": found.anything,
        "asked_at": found.asked_at,
        "deadline_at": found.deadline_at,
        "query": None if found.query is None else _query(found.query),
        "attempts": _attempts(found),
        "answer": None if found.response is None else _answer(found.response),
        "grades": [_grade(one) for one in found.metrics if one.kind == "judgement"][:MOST_PARTS],
        "feedback": [_opinion(one) for one in found.opinions][:MOST_PARTS],
        "letters": [
            {"letter": str(place), "stage": shown(one.stage), "error": shown(one.error, 1000)}
            for place, one in found.letters[:MOST_PARTS]
        ],
        "missing": found.missing,
    }


def _query(query: Query) -> dict[str, Any]:
    return {
        "task": maybe(query.task),
        "turns": _turns(query),
        "parameters": _json(query.parameters),
        "reference": None if query.reference is None else _json(query.reference),
        "session": maybe(query.session),
        "models": [shown(name) for name in (query.models or [])[:MOST_PARTS]],
        "time_limit_s": query.time_limit_s,
        "stream": query.stream,
        "any_space": query.any_space,
        "replay": maybe(query.replay),
    }


def _turns(query: Query) -> list[dict[str, str]]:
    """Who said what. All together no longer than ``LONGEST_TEXT``."""
    if query.prompt is not None:
        given = [("prompt", query.prompt)]
    elif query.messages is not None:
        given = [(one.role, one.content or "") for one in query.messages]
    else:
        texts = [query.input] if isinstance(query.input, str) else query.input or []
        given = [(f"text {number}", text) for number, text in enumerate(texts, 1)]
    turns, left = [], LONGEST_TEXT
    for who, text in given[:MOST_PARTS]:
        turns.append({"who": who, "text": shown(text, max(0, left))})
        left -= len(text)
    if len(given) > MOST_PARTS:
        turns.append({"who": "more", "text": f"{len(given) - MOST_PARTS} further parts"})
    return turns


def _json(part: msgspec.Struct) -> str:
    return shown(msgspec.json.encode(part).decode(errors="replace"), LONGEST_REASON)


def _attempts(found: Found) -> list[dict[str, Any]]:
    """What was decided, oldest first, and what came of it."""
    outcomes = {(one.model, one.decided_at): one for one in found.metrics if one.kind == "outcome"}
    failures = _failures(found.reroutes)
    attempts = []
    for decision in found.decisions():
        outcome = outcomes.pop((decision.model, decision.decided_at), None)
        later = [one for one in failures if one.failed_at >= decision.decided_at]
        failure = next((one for one in later if one.model == decision.model), None)
        attempts.append(_decision(decision) | _outcome(outcome, failure))
    # Of these only the metric is left.
    attempts += [_bare(one) | _outcome(one, None) for one in outcomes.values()]
    return sorted(attempts, key=lambda one: int(one["decided_at"]))[:MOST_PARTS]


def _failures(reroutes: Sequence[Assignment]) -> list[Failure]:
    unique = {(f.model, f.failed_at): f for one in reroutes for f in one.failures}
    return [unique[key] for key in sorted(unique, key=lambda key: key[1])]


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "model": shown(decision.model),
        "kind": decision.kind,
        "reason": shown(decision.reason, LONGEST_REASON),
        "version": decision.rule_version,
        "decided_at": decision.decided_at,
        "propensity": decision.propensity,
        "eligible": [
            {"model": shown(name), "propensity": decision.propensities.get(name)}
            for name in decision.eligible[:MOST_PARTS]
        ],
    }


def _bare(metric: Metric) -> dict[str, Any]:
    return {
        "model": shown(metric.model),
        "kind": metric.decision_kind,
        "reason": None,
        "version": metric.rule_version,
        "decided_at": metric.decided_at,
        "propensity": metric.propensity,
        "eligible": [],
    }


def _outcome(metric: Metric | None, failure: Failure | None) -> dict[str, Any]:
    """``ok``: None where nobody knows (yet)."""
    ok = metric.ok if metric else (False if failure else None)
    error = (metric.error if metric else None) or (failure.kind if failure else None)
    return {
        "ok": ok,
        "error": error,
        "message": maybe(failure.message, LONGEST_REASON) if failure else None,
        "response_time_s": metric.response_time_s if metric else None,
    }


def _answer(response: Response) -> dict[str, Any]:
    timings, error = response.timings, response.error
    return {
        "model": maybe(response.model),
        "attempt": response.attempt,
        "answered_at": response.answered_at,
        "text": maybe(response.text, LONGEST_TEXT),
        "vectors": None if response.embeddings is None else len(response.embeddings),
        "dimension": response.dimension,
        "vector_space": maybe(response.vector_space),
        "tool_calls": _tool_calls(response.tool_calls),
        "error": error.kind if error else None,
        "message": shown(error.message, LONGEST_REASON) if error else None,
        "finish_reason": maybe(response.finish_reason),
        "tokens": [response.usage.prompt_tokens, response.usage.completion_tokens],
        "cost_usd": response.cost_usd,
        "queue_s": timings.queue_s,
        "inference_s": timings.inference_s,
        "first_token_s": timings.first_token_s,
        "total_s": timings.total_s,
    }


def _tool_calls(calls: Iterable[Any] | None) -> str | None:
    return None if calls is None else shown(msgspec.json.encode(calls).decode(), LONGEST_TEXT)


def _grade(metric: Metric) -> dict[str, Any]:
    return {
        "grader": shown(metric.grader),
        "accuracy": metric.accuracy,
        "trust": metric.trust,
        "attempt": metric.attempt,
        "model": shown(metric.model),
        "at": metric.observed_at,
    }


def _opinion(feedback: Feedback) -> dict[str, Any]:
    return {
        "source": shown(feedback.source),
        "score": feedback.score,
        "comment": maybe(feedback.comment, LONGEST_REASON),
        "given_at": feedback.given_at,
    }
