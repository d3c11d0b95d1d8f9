"""How many bytes a query leaves on each topic: the events of one, made by the roles' own code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from agents.answering import answered, judgement_metric, outcome_metric
from agents.benchmarks.worlds import names, rule
from agents.reply import Answer
from agents.routing import Refusal, Table, decide
from schemas.assignment import Assignment
from schemas.chunk import Chunk
from schemas.query import Parameters, Query
from schemas.response import Response, Usage
from schemas.wire import Event, encode
from streams.settings import Model, Settings, Task

NOW_AT = 1_790_000_000_000
QUERY_ID = "0123456789abcdef0123456789abcdef"
"""As long as those that a gateway gives."""

ADDRESS = "gateway-0-0123456789abcdef0123456789abcdef"
TOKENS = 64
TASK = "task-0000"

RECORD_BYTES = 70
"""What Kafka adds to a record of its own batch: the batch's head (61 bytes) and the record's."""


def settings(models: int, tasks: int = 1) -> Settings:
    """Chat models that all may serve every task."""
    return Settings(
        models={name: Model(protocol="openai", serves=["chat"]) for name in names("model", models)},
        tasks={name: Task() for name in names("task", tasks)},
    )


def asked(prompt_bytes: int) -> Query:
    """A query of a gateway's with a prompt of so many bytes."""
    return Query(
        query_id=QUERY_ID,
        task=TASK,
        prompt="x" * prompt_bytes,
        parameters=Parameters(max_tokens=TOKENS, temperature=0.0),
        session="session-1",
        reply_to=ADDRESS,
    )


def story(models: int, prompt_bytes: int, answer_bytes: int) -> dict[str, list[Event]]:
    """One query's events by topic: asked, assigned, answered, graded."""
    made = settings(models)
    one = asked(prompt_bytes)
    table = Table({TASK: rule(TASK, names("model", models))})
    decision = decide(made, table, one, TASK, (), now_ms=NOW_AT)
    assert not isinstance(decision, Refusal), "there is a model"
    assignment = Assignment(
        query=one,
        task=TASK,
        attempt=1,
        asked_at=NOW_AT,
        deadline_at=NOW_AT + 300_000,
        decision=decision,
    )
    usage = Usage(prompt_tokens=prompt_bytes // 4, completion_tokens=TOKENS)
    answer = Answer(text="y" * answer_bytes, finish_reason="stop", usage=usage)
    model = made.models[decision.model]
    response = answered(decision.model, model, assignment, answer, (NOW_AT + 5, NOW_AT + 2005))
    chunk = Chunk(
        query_id=one.query_id,
        attempt=1,
        number=1,
        text="y" * max(1, answer_bytes // TOKENS),
        model=decision.model,
        reply_to=one.reply_to,
    )
    return {
        "queries": [one],
        "models.<name>": [assignment],
        "responses": [response],
        "metrics": [
            outcome_metric(response, decision),
            judgement_metric(response, decision, "numeric", 1.0),
        ],
        "chunks": [chunk],
    }


@cache
def record_sizes(models: int, prompt_bytes: int, answer_bytes: int) -> Mapping[str, float]:
    """Mean bytes of one record by topic, key, headers and Kafka's own included."""
    found = {}
    for topic, events in story(models, prompt_bytes, answer_bytes).items():
        sizes = [_size(event) for event in events]
        found[topic] = sum(sizes) / len(sizes)
    return found


def _size(event: Event) -> int:
    header = len("reply_to") + len(ADDRESS) if isinstance(event, Response | Chunk) else 0
    key = str(getattr(event, "query_id", "")) or event.query.query_id  # type: ignore[attr-defined]
    return RECORD_BYTES + len(key) + header + len(encode(event))
