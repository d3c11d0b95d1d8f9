"""Clients that leave: calls are ended, or not made, and no model is blamed."""

from __future__ import annotations

import time

from schemas.cancellation import Cancellation
from schemas.chunk import Chunk
from schemas.metric import Metric
from schemas.query import Query, Reference
from schemas.response import Response
from tests.loop.system import System
from tests.loop.watching import answered, by_id, until

FOREVER_S = 60.0


def asked(query_id: str, *, stream: bool = False) -> Query:
    reference = Reference(kind="numeric", value=2)
    return Query(
        query_id=query_id,
        task="code",
        prompt="1 + 1",
        stream=stream,
        reply_to="gateway-é",
        reference=reference,
    )


async def cancel(system: System, *query_ids: str) -> None:
    for name in query_ids:
        event = Cancellation(query_id=name, cancelled_at=round(time.time() * 1000), reason="gone")
        await system.put("cancellations", event, key=name.encode())


async def test_whoever_leaves_is_answered_without_a_call_and_nobody_is_blamed(
    system: System,
) -> None:
    sim = await system.chat_sim(
        "model",
        settings={"concurrency": 2},
        latency={"median_s": FOREVER_S},
        first_token_share=0.01,
    )
    system.tables["kafka"]["partitions"] = 1
    await system.prepare()
    responses = await system.topic("responses", Response)
    chunks = await system.topic("chunks", Chunk)
    metrics = await system.topic("metrics", Metric)
    await system.run("router", "worker-model", "grader")

    under_way = ("call", "stream")
    await system.ask(*(asked(name, stream=name == "stream") for name in under_way))
    await until(lambda: sim.counters()["in_service"] == 2, "two calls")
    await chunks.until(lambda rows: len(rows) > 0, "a piece of the stream")
    await system.ask(asked("waits"))
    await cancel(system, "waits", "later")
    await responses.until(answered("waits"), "an answer to the one that waits")
    assert sim.counters()["in_service"] == 2
    await cancel(system, *under_way)
    await responses.until(answered(*under_way), "their answers")
    await until(lambda: sim.counters()["abandoned"] == 2, "the server sees that they have left")
    await system.ask(asked("later"))
    await responses.until(answered("later"), "the answer to one that was cancelled before it came")
    assert sim.counters()["calls"] == 2

    gone = by_id(responses.events)
    assert {name: row.error and row.error.kind for name, row in gone.items()} == dict.fromkeys(
        ("waits", "later", *under_way), "cancelled"
    )
    assert gone["call"].error is not None
    assert gone["call"].error.message == "the client has left: gone"
    assert {(row.decision, row.model) for row in gone.values()} == {(None, None)}

    sim.set_profile({"latency": {"median_s": 0.001}})
    await system.ask(asked("stays", stream=True))
    await responses.until(answered("stays"), "an answer")
    await metrics.until(lambda rows: len(rows) == 2, "its metrics")
    assert {row.query_id for row in metrics.events} == {"stays"}
    ended, unmade = (
        system.registry("worker-model").get_sample_value(
            "zeta_model_cancelled_total", {"model": "model", "kind": kind}
        )
        for kind in ("in_call", "before_call")
    )
    assert (ended, unmade) == (2, 2)

    firsts = [row for row in chunks.events if row.number == 0]
    assert [row.decision and row.decision.model for row in firsts] == ["model", "model"]
    assert not [row for row in chunks.events if row.number and row.decision is not None]
    for record in (*responses.records, *chunks.records):
        assert dict(record.headers)["reply_to"] == "gateway-é".encode()
