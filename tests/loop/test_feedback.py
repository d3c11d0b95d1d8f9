"""Feedback on a real broker: credited once to the model that served, whatever happens."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Sequence
from typing import Any

from agents.crediting import home_of
from schemas.assignment import Decision
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.query import Reference
from schemas.response import Response
from schemas.window_score import WindowScore
from schemas.wire import MILLION, decode
from streams.clock import now_ms
from tests.loop.system import System, chat
from tests.loop.watching import Topic, until

DAY_MS = 86_400_000
PARTITIONS = 2


def response(query_id: str, model: str = "a", **fields: Any) -> Response:
    now = now_ms()
    decision = Decision(
        model=model,
        task="code",
        kind="policy",
        eligible=["a", "b"],
        propensities={"a": 0.75, "b": 0.25},
        rule_version=3,
        reason="",
        decided_at=now - 100,
    )
    made: dict[str, Any] = {"text": "x", "answered_at": now, "decision": decision, **fields}
    return Response(query_id=query_id, task="code", model=model, attempt=1, **made)


def feedback(query_id: str, score: float = 1.0, source: str = "alice") -> Feedback:
    return Feedback(query_id=query_id, score=score, source=source)


async def answer(system: System, row: Response, **fields: Any) -> None:
    """As a worker does, by our own partitioner."""
    await system.put("responses", row, key=row.query_id.encode(), **fields)


async def say(system: System, row: Feedback, *, away: bool = False, **fields: Any) -> int:
    """Feedback in its own partition, or, ``away``, in another; its time in Unix ms."""
    partition = (home_of(row.query_id, PARTITIONS) + away) % PARTITIONS
    sent = await system.put("feedback", row, partition=partition, **fields)
    return int(sent.timestamp)


async def prepared(system: System, **fields: Any) -> Topic[Metric]:
    for name in ("a", "b"):
        system.tables[f"models.{name}"] = chat("http://127.0.0.1:1")
    system.tables["feedback"] |= fields
    await system.prepare()
    return await system.topic("metrics", Metric)


def judged(metrics: Sequence[Metric]) -> list[Metric]:
    return [row for row in metrics if row.grader.startswith("feedback:")]


async def outcome(metrics: Topic[Metric], query_id: str) -> None:
    """Waits until the answer was handled."""
    await metrics.until(
        lambda rows: any(r.query_id == query_id and r.kind == "outcome" for r in rows),
        f"the outcome of {query_id}",
    )


async def settled(system: System, metrics: Topic[Metric]) -> None:
    """Waits until all that was written so far has been handled, in each partition."""
    for partition in range(PARTITIONS):
        last = f"last {partition} {len(metrics.events)}"
        await system.put("responses", response(last), partition=partition)
        await outcome(metrics, last)
        row = feedback(last, source="last")
        home = home_of(last, PARTITIONS)
        if home == partition:
            await say(system, row)
            await metrics.until(
                lambda rows, q=last: any(r.query_id == q for r in judged(rows)),  # type: ignore[misc]
                "the last feedback",
            )


def by_query(metrics: Topic[Metric], *sources: str) -> Counter[str]:
    wanted = {f"feedback:{source}" for source in sources or ("alice",)}
    return Counter(row.query_id for row in judged(metrics.events) if row.grader in wanted)


async def test_before_the_answer_after_it_twice_and_a_day_late(system: System) -> None:
    metrics = await prepared(system)
    await system.run("grader")
    before_at = await say(system, feedback("before", 0.25))
    await answer(system, response("after", "b"))
    await answer(system, response("late", "b"), timestamp_ms=now_ms() - DAY_MS)
    for query_id in ("after", "late"):
        await outcome(metrics, query_id)
    assert not judged(metrics.events)
    await answer(system, response("before"))
    times = {query_id: await say(system, feedback(query_id)) for query_id in ("after", "late")}
    await say(system, feedback("after", 0.0))
    await settled(system, metrics)
    assert by_query(metrics) == {"before": 1, "after": 1, "late": 1}
    rows = {row.query_id: row for row in judged(metrics.events)}
    assert {name: (rows[name].model, rows[name].accuracy) for name in times | {"before": 0}} == {
        "before": ("a", 0.25),
        "after": ("b", 1.0),
        "late": ("b", 1.0),
    }
    assert rows["before"].observed_at > before_at, "when the answer came"
    assert {name: rows[name].observed_at for name in times} == times, "when it was given"
    assert rows["late"].propensity == 0.25
    assert rows["late"].rule_version == 3


async def test_in_a_partition_that_is_not_its_own(system: System) -> None:
    metrics = await prepared(system)
    letters = await system.topic("dead-letters", DeadLetter)
    await system.run("grader")
    headers = [("trace", b"1")]
    ids = [f"q{number}" for number in range(6)]
    for query_id in ids[:3]:
        await say(system, feedback(query_id), away=True, headers=headers)
    for query_id in ids:
        await answer(system, response(query_id))
    for query_id in ids[3:]:
        await outcome(metrics, query_id)
        await say(system, feedback(query_id), away=True, headers=headers)
    await metrics.until(lambda rows: len(judged(rows)) == len(ids), "all of it")
    assert by_query(metrics) == dict.fromkeys(ids, 1)
    sent = await system.topic("feedback", Feedback)
    await sent.until(lambda rows: len(rows) == 2 * len(ids), "sent on, once each")
    moved = [record for record in sent.records if len(record.headers) > 1]
    for record in moved:
        row = decode(Feedback, record.value)
        assert record.partition == home_of(row.query_id, PARTITIONS)
        assert record.key == row.query_id.encode()
        assert record.headers[0] == headers[0]
    # One that says it was sent on, and is not where it was sent, goes round no more.
    home = home_of("loop", PARTITIONS)
    mark = [("zeta-partition", f"{home}/{PARTITIONS}".encode())]
    await say(system, feedback("loop"), away=True, headers=mark)
    await letters.until(lambda rows: rows, "a dead letter")
    assert f"sent to partition {home}" in letters.events[0].error


async def test_ten_from_two_sources_whose_trust_differs(system: System) -> None:
    trusts = {"alice": 0.5, "nobody": 0.0}
    metrics = await prepared(system, trust=0.8, sources=trusts)
    scores = await system.topic("scores", WindowScore)
    await system.run("grader", "aggregator")
    await answer(system, response("q"))
    for number in range(10):
        source = ("alice", "bob")[number % 2]
        await say(system, feedback("q", 1.0 if number < 2 else 0.0, source))
    await say(system, feedback("q", 0.0, "nobody"))
    await settled(system, metrics)
    rows = [row for row in judged(metrics.events) if row.query_id == "q"]
    assert {(row.grader, row.accuracy, row.trust, row.pool) for row in rows} == {
        ("feedback:alice", 1.0, 0.5, "alice"),
        ("feedback:bob", 1.0, 0.8, ""),
    }
    assert len(rows) == 2

    def weighed() -> tuple[int, int]:
        found = [part.models[name] for part in scores.events for name in part.models]
        return sum(r.trust_micro for r in found), sum(r.accuracy_micro for r in found)

    extra = sum(round(r.trust * MILLION) for r in judged(metrics.events) if r.query_id != "q")
    expected = 1_300_000 + extra
    await until(lambda: weighed() == (expected, expected), "their weights in the windows")


async def test_bad_feedback_is_kept_and_in_nobodys_way(system: System) -> None:
    metrics = await prepared(system)
    letters = await system.topic("dead-letters", DeadLetter)
    await system.run("grader")
    bad = {
        b"": "empty",
        b"hello": "malformed",
        b'{"score": 1, "source": "a"}': "query_id",
        b'{"query_id": "", "score": 1, "source": "a"}': "query_id",
        b'{"query_id": "q", "score": 1.5, "source": "a"}': "score",
        b'{"query_id": "q", "score": -1, "source": "a"}': "score",
        b'{"query_id": "q", "score": "1", "source": "a"}': "score",
        b'{"query_id": "q", "score": NaN, "source": "a"}': "malformed",
        b'{"query_id": "q", "score": 1}': "source",
    }
    for value in bad:
        await system.put("feedback", value, partition=home_of("q", PARTITIONS))
    await answer(system, response("q"))
    await say(system, feedback("q"))
    await metrics.until(judged, "the good one")
    await letters.until(lambda rows: len(rows) == len(bad), "dead letters")
    for letter in letters.events:
        assert (letter.topic, letter.stage) == ("feedback", "grader")
        assert bad[letter.value or b""] in letter.error.lower()
    assert by_query(metrics) == {"q": 1}


async def test_a_kill_and_the_loss_of_the_index_lose_and_double_nothing(system: System) -> None:
    metrics = await prepared(system)
    grader = await system.spawn_ready("grader")
    early = [f"early{number}" for number in range(20)]
    late = [f"late{number}" for number in range(20)]
    for query_id in early:
        await say(system, feedback(query_id, 0.5))
    for query_id in late:
        await answer(system, response(query_id, "b"))
    for query_id in late[:5]:
        await say(system, feedback(query_id))
    await metrics.until(lambda rows: len(judged(rows)) >= 5, "the first ones")
    await settled(system, metrics)
    grader.kill()
    shutil.rmtree(system.directory / "index")
    for query_id in late[:10]:
        await say(system, feedback(query_id, 0.0))  # twice for the first five
    grader = await system.spawn_ready("grader")
    for query_id in early[:10]:
        await answer(system, response(query_id))
    await settled(system, metrics)
    grader.kill()
    for query_id in early[10:]:
        await answer(system, response(query_id))
    for query_id in late[10:]:
        await say(system, feedback(query_id, 0.0))
    await system.spawn_ready("grader")
    expected = set(early + late)
    await metrics.until(lambda rows: expected <= {r.query_id for r in judged(rows)}, "all of it")
    await settled(system, metrics)
    rows = [row for row in judged(metrics.events) if row.grader == "feedback:alice"]
    distinct = {row.identity: row for row in rows}
    assert {row.query_id for row in rows} == expected
    assert len(distinct) == len(expected), "one identity each"
    assert all(row == distinct[row.identity] for row in rows), "a redelivery sends the same again"
    scores = {row.query_id: row.accuracy for row in rows}
    assert {scores[q] for q in early} == {0.5}
    assert {scores[q] for q in late[:5]} == {1.0}, "the first one counts"
    assert {scores[q] for q in late[5:]} == {0.0}


async def test_partitions_that_move_take_their_waiting_feedback_along(system: System) -> None:
    metrics = await prepared(system)
    first = await system.spawn_ready("grader", "0")
    ids = [f"q{number}" for number in range(30)]
    for query_id in ids:
        await say(system, feedback(query_id))
    await settled(system, metrics)
    await system.spawn_ready("grader", "1")
    for query_id in ids[:15]:
        await answer(system, response(query_id))
    await metrics.until(lambda rows: len(judged(rows)) >= 15, "answers after the move")
    first.kill()
    for query_id in ids[15:]:
        await answer(system, response(query_id))
    await metrics.until(
        lambda rows: set(ids) <= {r.query_id for r in judged(rows)}, "answers after the kill", 40
    )
    rows = [row for row in judged(metrics.events) if row.query_id in ids]
    assert len({row.identity for row in rows}) == len(ids)


async def test_code_is_run_beside_the_other_grades(system: System) -> None:
    metrics = await prepared(system)
    system.tables["grading"] = {"concurrency": 1, "waiting": 2}
    system.write()
    await system.run("grader")
    endless = "import time\ndef f():\n    time.sleep(3)\n    return 1\n"
    tests = Reference(kind="code", value={"tests": "assert f() == 1"})
    exact = Reference(kind="exact", value="x")
    slow = [response(f"slow{n}", text=endless, reference=tests) for n in range(6)]
    await asyncio.gather(*(answer(system, row) for row in slow))
    quick = [response(f"quick{n}", reference=exact) for n in range(20)]
    await asyncio.gather(*(answer(system, row) for row in quick))

    def graded(rows: Sequence[Metric], grader: str) -> list[Metric]:
        return [row for row in rows if row.grader == grader]

    await metrics.until(lambda rows: len(graded(rows, "exact")) == 20, "the quick ones")
    assert not graded(metrics.events, "code"), "before the first slow one"
    await metrics.until(lambda rows: len(graded(rows, "code")) == 3, "as many as had room", 40)
    assert {row.accuracy for row in graded(metrics.events, "code")} == {1.0}
    outcomes = Counter(r.query_id for r in metrics.events if r.kind == "outcome")
    assert outcomes == Counter(row.query_id for row in slow + quick), "all outcomes, once"


async def test_code_that_is_being_run_at_a_kill_is_run_again(system: System) -> None:
    metrics = await prepared(system)
    grader = await system.spawn_ready("grader")
    tests = Reference(kind="code", value={"tests": "import time\ntime.sleep(4)"})
    await answer(system, response("slow", text="pass", reference=tests))
    await outcome(metrics, "slow")
    await settled(system, metrics)
    await settled(system, metrics)  # an early commit would be long past
    grader.kill()
    assert not [row for row in metrics.events if row.grader == "code"]
    await system.spawn_ready("grader")
    await metrics.until(lambda rows: [row for row in rows if row.grader == "code"], "its grade")


async def test_code_without_a_sandbox_is_told_and_its_outcome_counts(
    system: System, monkeypatch: Any
) -> None:
    metrics = await prepared(system)
    letters = await system.topic("dead-letters", DeadLetter)
    monkeypatch.setenv("PATH", str(system.directory))
    await system.run("grader")
    tests = Reference(kind="code", value={"tests": "assert True"})
    await answer(system, response("q", text="pass", reference=tests))
    await letters.until(lambda rows: rows, "a dead letter")
    assert "isn't installed" in letters.events[0].error
    await outcome(metrics, "q")
    await settled(system, metrics)
    assert len(letters.events) == 1
    assert not [row for row in metrics.events if row.grader == "code"]
