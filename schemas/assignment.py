"""``models.<name>`` and ``reroutes``: a query with the decision taken for it."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.query import Query
from schemas.wire import EpochMs, Event, Fraction, Name, NonNegativeInt, PositiveInt

DecisionKind = Literal["policy", "pin", "reroute", "forced", "shadow"]
"""``policy`` is the only kind that is a choice; the others are never counted as exploration.

``pin``: an operator named the model; ``reroute``: an earlier model failed; ``forced``: just one
model was eligible; ``shadow``: a copy whose answer is graded and thrown away.
"""

ErrorKind = Literal[
    "unreachable",
    "timeout",
    "overloaded",
    "server_error",
    "bad_answer",
    "breaker_open",
    "rejected",
    "deadline",
    "no_model",
    "invalid",
    "cancelled",
]
"""Why there is no answer.

Of the model: ``unreachable`` (no connection), ``timeout``, ``overloaded`` (429, 503),
``server_error`` (other 5xx, a broken connection), ``bad_answer`` (200 that isn't an answer),
``breaker_open`` (it wasn't asked, since it failed too often or its server is down; no outcome is
noted for that). Of the query: ``rejected`` (other 4xx, or a parameter that the model's protocol
doesn't have), ``invalid`` (not a query we can route), ``cancelled``.
Of the system: ``deadline`` (its time limit passed), ``no_model`` (no model can ever serve it).
"""


class Decision(Event, frozen=True, kw_only=True):
    """Which model, out of which, with what probability, under which rule, and why."""

    model: Name
    task: Name
    kind: DecisionKind
    eligible: list[str]
    propensities: dict[str, Fraction]
    rule_version: NonNegativeInt
    reason: str
    decided_at: EpochMs

    @property
    def propensity(self) -> float:
        """The probability with which this decision's model was chosen."""
        return self.propensities.get(self.model, 0.0)


class Failure(Event, frozen=True, kw_only=True):
    """One attempt that came to nothing."""

    model: str
    kind: ErrorKind
    message: str
    failed_at: EpochMs


class Assignment(Event, frozen=True, kw_only=True):
    """A query on its way to a model, or back from one that could not serve it.

    On ``reroutes``, ``failures`` ends with what failed and ``not_before_at`` says when to try
    again; ``decision`` is missing when no model was eligible. ``tried`` are the models that failed
    it in this round, ``waits`` counts the rounds that have ended without an answer.
    """

    query: Query
    task: Name
    attempt: PositiveInt
    asked_at: EpochMs
    deadline_at: EpochMs
    decision: Decision | None = None
    tried: list[str] = msgspec.field(default_factory=list)
    failures: list[Failure] = msgspec.field(default_factory=list)
    waits: NonNegativeInt = 0
    not_before_at: EpochMs | None = None
