"""Events for tests of the board."""

from __future__ import annotations

from typing import Any

from schemas.assignment import Assignment, Decision, Failure
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import AnswerError, Response, Timings
from schemas.routing_rule import ModelScore, RoutingRule
from streams.redrive.mark import Place
from streams.settings import Model, Settings, Task

NOW = 1_700_000_000_000
PLACE = Place(0, 7)

SETTINGS = Settings(
    models={name: Model(endpoint="", protocol="tgi", serves=["chat"]) for name in ("a", "b")},
    tasks={"code": Task()},
)


def decision(model: str = "a", at: int = NOW, **fields: Any) -> Decision:
    """A policy's choice of 90 %."""
    given: dict[str, Any] = {
        "model": model,
        "task": "code",
        "kind": "policy",
        "eligible": ["a", "b"],
        "propensities": {"a": 0.9, "b": 0.1},
        "rule_version": 3,
        "reason": "a is the best",
        "decided_at": at,
    }
    return Decision(**(given | fields))


def response(query_id: str = "q", error: str | None = None, **fields: Any) -> Response:
    """An answer of 80 ms, or an error."""
    given: dict[str, Any] = {
        "query_id": query_id,
        "task": "code",
        "model": "a",
        "attempt": 1,
        "text": None if error else "42",
        "error": AnswerError(kind=error, message="why") if error else None,  # type: ignore[arg-type]
        "timings": Timings(queue_s=0.01, inference_s=0.07, total_s=0.08),
        "decision": decision(),
        "answered_at": NOW + 80,
    }
    return Response(**(given | fields))


def outcome(query_id: str = "q", error: str | None = None, **fields: Any) -> Metric:
    """The outcome of an attempt of 80 ms."""
    given: dict[str, Any] = {
        "query_id": query_id,
        "attempt": 1,
        "model": "a",
        "task": "code",
        "kind": "outcome",
        "ok": error is None,
        "error": error,
        "response_time_s": 0.08,
        "propensity": 0.9,
        "rule_version": 3,
        "decided_at": NOW,
        "observed_at": NOW + 80,
    }
    return Metric(**(given | fields))


def judgement(query_id: str = "q", accuracy: float = 1.0, grader: str = "exact") -> Metric:
    """A grade."""
    return Metric(
        query_id=query_id,
        attempt=1,
        model="a",
        task="code",
        kind="judgement",
        grader=grader,
        accuracy=accuracy,
        decided_at=NOW,
        observed_at=NOW + 90,
    )


def reroute(query_id: str = "q", kind: str = "timeout", model: str = "a") -> Assignment:
    """A query whose first attempt has failed."""
    failure = Failure(model=model, kind=kind, message="too slow", failed_at=NOW + 50)  # type: ignore[arg-type]
    return Assignment(
        query=Query(query_id=query_id, prompt="how much is 6 * 7?", task="code"),
        task="code",
        attempt=2,
        asked_at=NOW - 10,
        deadline_at=NOW + 60_000,
        decision=decision(model),
        tried=[model],
        failures=[failure],
    )


def rule(version: int = 1, task: str = "code", **fields: Any) -> RoutingRule:
    """A rule that has seen twenty grades of ``a``."""
    given: dict[str, Any] = {
        "task": task,
        "version": version,
        "weights": {"a": 900_000, "b": 100_000},
        "scores": {"a": ModelScore(score_micro=800_000, samples=20.0, accuracy_micro=900_000)},
        "policy": "thompson",
        "configuration_digest": "d",
        "reason": f"reason {version}",
    }
    return RoutingRule(**(given | fields))
