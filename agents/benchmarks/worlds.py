"""Settings, queries and rules of any size to measure with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from schemas.metric import Metric
from schemas.query import Parameters, Query, Reference
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION, encode

NOWHERE = "http://127.0.0.1:9"
"""An endpoint that is never asked."""

POOL = 997
"""So many different queries are repeated, under ids of their own."""


def names(kind: str, count: int) -> list[str]:
    """``count`` names that sort as they are numbered."""
    return [f"{kind}-{number:04}" for number in range(count)]


def sections(
    models: int = 3,
    tasks: int = 3,
    *,
    endpoints: Sequence[str] = (),
    partitions: int = 4,
    **more: Mapping[str, Any],
) -> dict[str, Any]:
    """Sections of the settings: chat models that all may serve every task."""
    found: dict[str, Any] = {"kafka": {"partitions": partitions}}
    for number, name in enumerate(names("model", models)):
        endpoint = endpoints[number % len(endpoints)] if endpoints else NOWHERE
        found[f"models.{name}"] = {
            "endpoint": endpoint,
            "protocol": "openai",
            "serves": ["chat"],
            "concurrency": 64,
        }
    for name in names("task", tasks):
        found[f"tasks.{name}"] = {"needs": "chat"}
    found["routing"] = {"default_task": "task-0000"}
    off = {"enabled": False}
    return {**found, "gateway": off, "dashboard": off, **more}


def query_id(run: str, number: int) -> str:
    """An id as long as a UUID."""
    return f"{run}-{number:0{35 - len(run)}}"


def query(number: int, tasks: int, run: str, reference: Reference | None = None) -> Query:
    """A chat query of about 1,000 bytes as JSON."""
    prompt = f"Question {number % POOL}: " + "what is the sum of the numbers below? " * 22
    return Query(
        query_id=query_id(run, number),
        task=names("task", tasks)[number % tasks],
        prompt=prompt,
        parameters=Parameters(max_tokens=64, temperature=0.0),
        session=f"session-{number % POOL}",
        time_limit_s=86_400.0,
        reference=reference,
    )


def query_records(count: int, tasks: int, run: str = "q") -> Iterator[tuple[bytes, bytes]]:
    """Keys and values for ``queries``."""
    for number in range(count):
        one = query(number, tasks, run)
        yield (one.session or "").encode(), encode(one)


def rule(task: str, models: Sequence[str]) -> RoutingRule:
    """A rule in which the first model has most of the weight, and every other some."""
    each = 20_000 // max(1, len(models) - 1)
    weights = dict.fromkeys(models, each)
    weights[models[0]] = MILLION - each * (len(models) - 1)
    return RoutingRule(
        task=task,
        version=1,
        weights=weights,
        policy="static",
        configuration_digest="bench",
        reason="a rule to measure with",
    )


def metric_records(
    models: int, tasks: int, observed: Iterable[int]
) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values for ``metrics``: an outcome and a judgement of each attempt.

    ``observed`` are the instants (Unix ms), one for each.
    """
    for number, observed_at in enumerate(observed):
        attempt, judged = divmod(number, 2)
        plain = Metric(
            query_id=query_id("q", attempt),
            attempt=1,
            model=names("model", models)[attempt % models],
            task=names("task", tasks)[attempt % tasks],
            kind="outcome",
            ok=True,
            response_time_s=0.25 + attempt % 100 / 100,
            prompt_tokens=200,
            completion_tokens=60,
            propensity=0.9,
            rule_version=1,
            decided_at=observed_at - 500,
            observed_at=observed_at,
        )
        yield plain.query_id.encode(), encode(_graded(plain) if judged else plain)


def _graded(outcome: Metric) -> Metric:
    return msgspec.structs.replace(
        outcome, kind="judgement", grader="numeric", accuracy=1.0, ok=None, response_time_s=None
    )


def instant_profile(count: int = 1) -> str:
    """A profile file of simulated models that answer at once, and always."""
    rows = [
        f'[[models]]\nname = "{name}"\nprotocol = "openai"\nlatency = {{ median_s = 0 }}'
        for name in names("sim", count)
    ]
    return "\n\n".join(rows)
