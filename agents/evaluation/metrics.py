"""A recorded answer as the events that a worker and a grader would have sent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from schemas.assignment import Decision
from schemas.metric import Metric

GRADER = "recorded"


def metrics(
    query_id: str, decision: Decision, correct: float, latency_s: float, cost_usd: float
) -> Iterator[Metric]:
    """The judgement; before it the outcome, where the response time is known (not NaN).

    Both are observed at once: what a decision leads to counts in the window it was made in.
    """
    metric = partial(
        Metric,
        query_id=query_id,
        attempt=1,
        model=decision.model,
        task=decision.task,
        decision_kind=decision.kind,
        propensity=decision.propensity,
        rule_version=decision.rule_version,
        decided_at=decision.decided_at,
        observed_at=decision.decided_at,
    )
    if not math.isnan(latency_s):
        price = None if math.isnan(cost_usd) else cost_usd
        yield metric(kind="outcome", ok=True, response_time_s=latency_s, cost_usd=price)
    yield metric(kind="judgement", grader=GRADER, accuracy=correct)
