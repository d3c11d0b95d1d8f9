"""What the load is made of: each query a pure function of the seed and its number."""

from __future__ import annotations

import random
from dataclasses import dataclass

from schemas.feedback import Feedback
from schemas.query import Parameters, Query, Reference
from schemas.wire import encode
from tests.chaos.system import TASKS

SESSIONS = 300
SHORT_LIMIT_S = 0.001
"""Over before any router can have read it: replication alone takes longer."""
FEEDBACK_SOURCE = "chaos"
WORDS = "the quick brown fox looks for a model that answers in time and finds it on a topic"

SHARES = {
    "plain": 0.955,
    "short": 0.01,
    "nameless": 0.01,
    "streamed": 0.01,
    "poison": 0.005,
    "unknown-task": 0.005,
    "untold-task": 0.005,
}
POISONED = ("queries", "metrics", "responses", "reroutes", "feedback", "scores", "controls")
BAD_BYTES = (b"\xff\xfe not text", b'{"query_id": ', b"[1, 2]", b'"a text"', b"{}", b"\x00" * 64)


@dataclass(frozen=True)
class Ask:
    """One record of the load.

    ``sort`` is one of ``SHARES``; ``query_id`` is empty where the router makes one up, and for
    poison. ``feedback`` is sent as well, ``feedback_first`` before its query.
    """

    number: int
    sort: str
    topic: str
    key: bytes | None
    value: bytes
    query_id: str = ""
    feedback: bytes | None = None
    feedback_first: bool = False


def ask(seed: int, number: int, models: tuple[str, ...]) -> Ask:
    """The load's record of this number."""
    draw = random.Random(f"load {seed} {number}")
    sort = draw.choices(list(SHARES), list(SHARES.values()))[0]
    if sort == "poison":
        topic = draw.choice([*POISONED, *(f"models.{name}" for name in models)])
        value = draw.choice(BAD_BYTES)
        return Ask(number, sort, topic, f"poison-{number}".encode(), value)
    return _query(draw, seed, number, sort)


def plain(seed: int, number: int) -> Ask:
    """A query that must be answered, and graded; some get feedback."""
    return _query(random.Random(f"load {seed} {number}"), seed, number, "plain")


def _query(draw: random.Random, seed: int, number: int, sort: str) -> Ask:
    query_id = "" if sort == "nameless" else f"q{seed}-{number}"
    task = draw.choice(TASKS)
    right = str(draw.randint(1000, 999_999))
    session = f"s{draw.randrange(SESSIONS)}" if draw.random() < 0.3 else None
    query = Query(
        query_id=query_id,
        task={"unknown-task": "no-such-task", "untold-task": None}.get(sort, task),
        prompt=f"{WORDS} {number}\nsim-task: {task}\nsim-answer: {right}",
        parameters=Parameters(max_tokens=32),
        reference=Reference(kind="exact", value=right),
        time_limit_s=SHORT_LIMIT_S if sort == "short" else None,
        session=session,
        stream=sort == "streamed",
        reply_to="chaos" if sort == "streamed" else None,
    )
    rated = sort == "plain" and draw.random() < 0.03
    opinion = Feedback(query_id=query_id, score=round(draw.random(), 2), source=FEEDBACK_SOURCE)
    return Ask(
        number,
        sort,
        "queries",
        (session or query_id).encode() or None,
        encode(query),
        query_id,
        encode(opinion) if rated else None,
        draw.random() < 0.3,
    )
