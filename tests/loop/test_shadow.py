"""Embeddings through the loop: a query stays in its space, and copies try the other model."""

from __future__ import annotations

from schemas.metric import Metric
from schemas.query import Query, Reference
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import WindowScore
from tests.loop.system import System

COUNT = 40
TEXTS = [
    "reset my password please",
    "how to reset a password",
    "weather today",
    "bread and butter",
]


async def test_the_other_space_is_graded_and_answers_nobody(system: System) -> None:
    for name in ("home", "away"):
        sim = await system.sim(name, protocol="tei", dimension=48, vector_space=name)
        system.tables[f"models.{name}"] = {
            "endpoint": sim.base_url,
            "protocol": "tei",
            "serves": ["embedding"],
            "vector_space": name,
        }
    system.tables["tasks.embedding"] = {"needs": "embedding", "prior": {"home": 1.0}}
    del system.tables["tasks.code"]
    system.tables["routing"] |= {"default_task": "embedding", "exploration": 0.5}
    await system.prepare()
    await system.run("router", "worker-home", "worker-away", "grader", "aggregator", "tuner")
    responses = await system.topic("responses", Response)
    metrics = await system.topic("metrics", Metric | Tick)  # type: ignore[arg-type]
    scores = await system.topic("scores", WindowScore)
    rules = await system.topic("rules-log", RoutingRule)

    ids = {f"q{n}" for n in range(COUNT)}
    reference = Reference(kind="order")
    await system.ask(*(Query(query_id=q, input=TEXTS, reference=reference) for q in sorted(ids)))
    await responses.until(
        lambda found: ids <= {one.query_id for one in found}, "an answer to each query"
    )
    await scores.until(
        lambda parts: any("away" in part.models for part in parts), "a score of the other model"
    )
    await rules.until(
        lambda found: any("away" in one.state.models for one in found), "a rule that knows it"
    )

    answers = [one for one in responses.events if one.query_id in ids]
    assert {one.vector_space for one in answers} == {"home"}
    copies = [one for one in responses.events if one.query_id not in ids]
    assert copies
    assert all(one.query_id.endswith("#shadow") and one.reply_to is None for one in copies)
    assert {one.vector_space for one in copies} == {"away"}
    kinds = {(one.model, one.decision_kind) for one in metrics.events if isinstance(one, Metric)}
    assert kinds == {("home", "forced"), ("away", "shadow")}
