"""The last decisions: each query's answer, attempts and grades, as far as a list shows them. Pure.

A query is here as soon as one of its attempts has ended. Memory is bounded: the newest ``most``
queries, and of each so many metrics, failures and opinions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from agents.board.showing import LONGEST_LABEL, LONGEST_REASON, maybe, shown
from schemas.assignment import Assignment, Decision
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.response import Response

MOST = 1_000
MOST_OF_ONE = 24
LONGEST_ID = 260
_LONGEST = LONGEST_LABEL + 1


class Spot(NamedTuple):
    """Where a record is; the topic without the prefix."""

    topic: str
    partition: int
    offset: int


def _few() -> deque[Any]:
    return deque(maxlen=MOST_OF_ONE)


@dataclass(slots=True)
class Entry:
    """One query. ``at``: when its last attempt ended (Unix ms); ``total_s``: the client's wait.

    ``state``: ``answered``, ``failed`` (an error answer), or ``open`` (an attempt failed, and no
    answer was read yet). ``seq`` grows with each change.
    """

    query_id: str
    at: int
    seq: int = 0
    state: str = "open"
    task: str | None = None
    model: str | None = None
    kind: str | None = None
    propensity: float | None = None
    rule_version: int = 0
    decided_at: int | None = None
    attempt: int = 0
    error: str | None = None
    total_s: float | None = None
    replay: bool = False
    answer: Spot | None = None
    reroutes: deque[Spot] = field(default_factory=_few)
    metrics: deque[Metric] = field(default_factory=_few)
    opinions: deque[Feedback] = field(default_factory=_few)

    @property
    def grades(self) -> list[float]:
        """What its answer was given, by all graders, 0..1."""
        return [one.accuracy for one in self.metrics if one.accuracy is not None]

    @property
    def failures(self) -> int:
        """Its attempts that failed at a model, as far as they are known."""
        return len({one.attempt for one in self.metrics if one.ok is False})

    def view(self) -> dict[str, Any]:
        """What the list shows."""
        grades = self.grades
        return {
            "id": shown(self.query_id, LONGEST_ID),
            "at": self.at,
            "state": self.state,
            "task": maybe(self.task),
            "model": maybe(self.model),
            "kind": self.kind,
            "propensity": self.propensity,
            "version": self.rule_version,
            "attempt": self.attempt,
            "failures": self.failures,
            "error": self.error,
            "total_s": self.total_s,
            "grade": sum(grades) / len(grades) if grades else None,
            "grades": len(grades),
            "replay": self.replay,
        }


class Decisions:
    """The newest ``most`` queries.

    Args:
        most: how many; up to twice as many are held for a moment.
        tick: returns the next sequence number.
    """

    def __init__(self, tick: Callable[[], int], most: int = MOST) -> None:
        self._tick = tick
        self._most = most
        self._entries: dict[str, Entry] = {}
        self.seq = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, query_id: str) -> Entry | None:
        """The query, if it is still remembered."""
        return self._entries.get(query_id)

    def put_response(self, response: Response, spot: Spot, at: int) -> None:
        """Takes an answer, or an error answer."""
        if len(response.query_id) > LONGEST_ID:
            return
        entry = self._entry(response.query_id, at)
        entry.state = "failed" if response.error else "answered"
        entry.error = response.error.kind if response.error else None
        entry.task = (response.task or entry.task or "")[:_LONGEST] or None
        entry.model = (response.model or "")[:_LONGEST] or None
        entry.attempt = response.attempt
        entry.total_s = response.timings.total_s
        entry.replay = response.replay is not None
        entry.answer, entry.at = spot, at
        if response.decision is not None:
            _decided(entry, response.decision)
        self._changed(entry)

    def put_reroute(self, assignment: Assignment, spot: Spot, at: int) -> None:
        """Takes a query that was handed on, or that waits."""
        entry = self._entry(assignment.query.query_id, at)
        entry.reroutes.append(spot)
        entry.task = assignment.task[:_LONGEST]
        if entry.state == "open":
            entry.attempt = max(entry.attempt, assignment.attempt)
            if assignment.failures:
                entry.error = assignment.failures[-1].kind
            if assignment.decision is not None:
                _decided(entry, assignment.decision)
        self._changed(entry)

    def put_metric(self, metric: Metric, at: int) -> None:
        """Takes an outcome or a judgement, once; a judgement of a query long gone is let go."""
        known = self._entries.get(metric.query_id)
        if known is None and metric.kind == "judgement":
            return
        entry = known or self._entry(metric.query_id, at)
        small = _small(metric)
        if any(one.identity == small.identity for one in entry.metrics):
            return
        entry.metrics.append(small)
        entry.replay = entry.replay or metric.replay is not None
        if entry.state == "open":
            entry.task, entry.model, entry.kind = metric.task, metric.model, metric.decision_kind
            entry.error, entry.attempt = metric.error, metric.attempt
            entry.decided_at, entry.rule_version = metric.decided_at, metric.rule_version
            entry.propensity = metric.propensity
        self._changed(entry)

    def put_feedback(self, feedback: Feedback) -> None:
        """Takes what somebody said, once per source, of a query that is remembered."""
        entry = self._entries.get(feedback.query_id)
        if entry and all(one.source != feedback.source for one in entry.opinions):
            comment = None if feedback.comment is None else feedback.comment[: LONGEST_REASON + 1]
            entry.opinions.append(msgspec.structs.replace(feedback, comment=comment))
            self._changed(entry)

    def since(self, seq: int, most: int) -> tuple[list[dict[str, Any]], int]:
        """The newest ``most`` that changed after ``seq``, newest first; how many more did."""
        changed = [one for one in self._newest() if one.seq > seq]
        views = [one.view() | {"key": one.query_id} for one in islice(changed, most)]
        return views, max(0, len(changed) - most)

    def _newest(self) -> Iterable[Entry]:
        return sorted(self._entries.values(), key=lambda one: -one.at)[: self._most]

    def _entry(self, query_id: str, at: int) -> Entry:
        entry = self._entries.get(query_id)
        if entry is None:
            entry = self._entries[query_id] = Entry(query_id, at)
            if len(self._entries) > 2 * self._most:
                self._entries = {one.query_id: one for one in self._newest()}
        return entry

    def _changed(self, entry: Entry) -> None:
        entry.seq = self.seq = self._tick()


def _small(metric: Metric) -> Metric:
    """No more of it than is shown: texts in it may be of any length."""
    grader = metric.grader[: LONGEST_LABEL + 1]
    return msgspec.structs.replace(metric, session=None, pool=None, grader=grader)


def _decided(entry: Entry, decision: Decision) -> None:
    entry.model, entry.kind = decision.model[:_LONGEST], decision.kind
    entry.propensity, entry.rule_version = decision.propensity, decision.rule_version
    entry.decided_at = decision.decided_at
