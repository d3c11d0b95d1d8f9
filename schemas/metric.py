"""``metrics``: what happened to an attempt, what it was worth, and the clock's ticks."""

from __future__ import annotations

from typing import Literal

from schemas.assignment import DecisionKind, ErrorKind
from schemas.wire import (
    EpochMs,
    Event,
    Fraction,
    Name,
    NonNegativeInt,
    PositiveInt,
    Seconds,
    written,
)


class Metric(Event, frozen=True, kw_only=True, tag_field="type", tag="metric"):
    """One attempt's outcome, or one judgement of its answer.

    Its identity, counted once within the de-duplication horizon, is (query_id, attempt, model,
    kind, grader). An ``outcome`` has ``ok``, and a response time even when it failed: for a
    time-out it is the limit, a censored value. A ``judgement`` has ``accuracy`` and the name of
    its grader; ``trust`` weighs it, and ``pool`` says with whose other feedback it shares what
    feedback may weigh (a listed source's name, empty for all others; missing: no bound).
    ``observed_at`` chooses the window. One with ``replay`` is in no window: its query was sent
    again by that run.
    """

    query_id: Name
    attempt: PositiveInt
    model: Name
    task: Name
    kind: Literal["outcome", "judgement"]
    grader: str = ""
    ok: bool | None = None
    error: ErrorKind | None = None
    response_time_s: Seconds | None = None
    prompt_tokens: NonNegativeInt | None = None
    completion_tokens: NonNegativeInt | None = None
    cost_usd: Seconds | None = None
    accuracy: Fraction | None = None
    trust: Fraction = written(1.0)
    pool: str | None = None
    decision_kind: DecisionKind = "policy"
    propensity: Fraction | None = None
    rule_version: NonNegativeInt = 0
    session: str | None = None
    replay: str | None = None
    decided_at: EpochMs
    observed_at: EpochMs

    def __post_init__(self) -> None:
        if self.kind == "outcome" and (self.ok is None or self.response_time_s is None):
            raise ValueError("an outcome needs ok and response_time_s")
        if self.kind == "judgement" and (self.accuracy is None or not self.grader):
            raise ValueError("a judgement needs accuracy and grader")

    @property
    def identity(self) -> tuple[str, int, str, str, str]:
        """What a re-sent metric shares with the first."""
        return (self.query_id, self.attempt, self.model, self.kind, self.grader)
