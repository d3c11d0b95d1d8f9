"""The queries of docs/archive.md, as they stand there, on an archive of the real code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.assignment import Decision
from schemas.metric import Metric
from schemas.query import Message, Query
from schemas.response import Response, Timings
from schemas.wire import Event, encode
from streams.archive.chain import Chain
from streams.archive.local import LocalStore
from streams.archive.publishing import PartitionArchive
from streams.archive.rows import ArchivedRecord
from streams.settings import Archive
from streams.topics import event_types

PAGE = Path(__file__).resolve().parents[3] / "docs" / "archive.md"
HOUR_MS = 3_600_000
BEGAN_AT = 1_790_002_800_000 - 1_790_002_800_000 % HOUR_MS
PER_HOUR = 40


def model_of(number: int) -> str:
    """Every tenth goes to the small one."""
    return "small" if number % 10 == 0 else "large"


def metrics(number: int) -> list[Event]:
    at = BEGAN_AT + number // PER_HOUR * HOUR_MS
    model = model_of(number)
    shared: dict[str, Any] = {
        "query_id": f"q{number}",
        "attempt": 1,
        "model": model,
        "task": "code" if number % 2 == 0 else "reasoning",
        "propensity": 0.04 if model == "small" else 0.96,
        "decided_at": at,
        "observed_at": at + 10,
    }
    right = float(number % 4 != 0)
    return [
        Metric(kind="outcome", ok=True, response_time_s=1 + number / 100, cost_usd=0.01, **shared),
        Metric(kind="judgement", grader="exact", accuracy=right, **shared),
    ]


def response(number: int) -> Response:
    decision = Decision(
        model=model_of(number),
        task="code",
        kind="policy",
        eligible=["large", "small"],
        propensities={"large": 0.96, "small": 0.04},
        rule_version=3,
        reason=f"rule {number}",
        decided_at=5,
    )
    return Response(
        query_id=f"q{number}",
        text=f"answer {number}",
        decision=decision,
        timings=Timings(total_s=number / 10),
        answered_at=7,
    )


def query(number: int) -> Query:
    forms: Sequence[dict[str, Any]] = (
        {"prompt": f"question {number}"},
        {"messages": [Message(role="user", content=f"question {number}")]},
        {"input": f"question {number}"},
    )
    return Query(query_id=f"q{number}", **forms[number % 3])


def publish(store: LocalStore, topic: str, events: Sequence[Event]) -> None:
    """In two partitions of a few files each."""
    for partition in range(2):
        chain = Chain(store, topic, partition)
        chain.open([], 0, 10_000)
        archive = PartitionArchive(store, chain, event_types(topic) or (), Archive(), lambda: 0.0)
        for offset, event in enumerate(events[partition::2]):
            archive.take([ArchivedRecord(offset, BEGAN_AT + offset, b"k", encode(event))])
            if offset % 30 == 29:
                archive.publish()
        archive.publish()


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """DuckDB with the page's views on an archive."""
    duckdb = pytest.importorskip("duckdb")
    root = tmp_path_factory.mktemp("archive")
    store = LocalStore(root)
    numbers = range(2 * PER_HOUR)
    publish(store, "metrics", [event for number in numbers for event in metrics(number)])
    publish(store, "responses", [response(number) for number in numbers])
    publish(store, "queries", [query(number) for number in numbers])
    with duckdb.connect() as made:
        made.execute(blocks()[0].replace("/var/zeta/archive", str(root)))
        yield made


def blocks() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)


def rows(connection: Any, number: int) -> list[dict[str, Any]]:
    cursor = connection.execute(blocks()[number])
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_the_page_has_five_queries() -> None:
    assert len(blocks()) == 6


def test_accuracy_and_p95_by_model_and_hour(connection: Any) -> None:
    found = rows(connection, 1)
    assert len(found) == 6, "two hours; the small model only has code"
    first = found[0]
    assert first["hour"] == datetime.fromtimestamp(BEGAN_AT / 1000, UTC).replace(tzinfo=None)
    assert (first["task"], first["model"], first["attempts"]) == ("code", "large", 16)
    # Of the even numbers that aren't tens, to 40: half are multiples of four.
    assert first["accuracy"] == 0.5
    assert first["p95_s"] == pytest.approx(1.365)
    assert [row["attempts"] for row in found] == [16, 4, 20, 16, 4, 20]


def test_share_by_model_and_hour(connection: Any) -> None:
    found = [(row["task"], row["model"], row["share"]) for row in rows(connection, 2)]
    hour = [("code", "large", 0.8), ("code", "small", 0.2), ("reasoning", "large", 1.0)]
    assert found == hour + hour


def test_cost_by_task(connection: Any) -> None:
    code, reasoning = sorted(rows(connection, 3), key=lambda row: str(row["task"]))
    assert (code["queries"], reasoning["queries"]) == (40, 40)
    assert code["cost_usd"] == pytest.approx(0.4)
    assert code["usd_per_right_answer"] == pytest.approx(0.4 / 20)
    assert reasoning["usd_per_right_answer"] == pytest.approx(0.01)


def test_what_exploration_tried(connection: Any) -> None:
    (found,) = rows(connection, 4)
    assert (found["task"], found["model"], found["decisions"]) == ("code", "small", 8)
    assert (found["lowest"], found["accuracy"]) == (0.04, 0.5)


def test_the_slowest_with_their_story(connection: Any) -> None:
    found = rows(connection, 5)
    assert [row["query_id"] for row in found] == [f"q{number}" for number in range(79, 69, -1)]
    assert [row["question"] for row in found[:3]] == ["question 79", "question 78", "question 77"]
    assert found[0] == {
        "query_id": "q79",
        "total_s": 7.9,
        "question": "question 79",
        "answer": "answer 79",
        "why_this_model": "rule 79",
        "attempts": [{"attempt": 1, "model": "large", "seconds": 1.79, "error": None}],
    }
