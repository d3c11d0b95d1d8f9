"""The embedding routes of a simulated model: TEI's own, and OpenAI's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from agents.simulation import tei
from agents.simulation.draw import status_for
from agents.simulation.errors import RefusalError, Shape, decode, injected
from agents.simulation.profile import SimModel
from agents.simulation.reply import (
    COMPUTE_TYPE,
    Timing,
    cut_short,
    garbage,
    guarded,
    raw_response,
    read_body,
)
from agents.simulation.state import SimState
from agents.simulation.tei import Embedded, EmbeddingsRequest, EmbedRequest

Render = Callable[[SimModel, list[Embedded]], Any]


@dataclass(frozen=True)
class Batch:
    """One call under way: its texts, their vectors, and how the answer is written."""

    model: SimModel
    timing: Timing
    texts: list[str]
    done: list[Embedded]
    render: Render


def embed_route(state: SimState, path: str) -> web.RouteDef:
    """POST of TEI's own request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        kind = request.headers.get("Content-Type", "")
        asked = decode(await read_body(request), kind, EmbedRequest)
        return await _answer(state, request, asked, lambda _, done: tei.embedded(done))

    return web.post(path, guarded(state, "plain", handle))


def embeddings_route(state: SimState, path: str) -> web.RouteDef:
    """POST of OpenAI's request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        kind = request.headers.get("Content-Type", "")
        asked = decode(await read_body(request), kind, EmbeddingsRequest)

        def render(model: SimModel, done: list[Embedded]) -> Any:
            return tei.embeddings(model, asked, done)

        return await _answer(state, request, asked.as_embed(), render)

    shape: Shape = "openai" if state.profile.protocol == "openai" else "tei-openai"
    return web.post(path, guarded(state, shape, handle))


async def _answer(
    state: SimState, request: web.Request, asked: EmbedRequest, render: Render
) -> web.StreamResponse:
    timing = Timing(state.clock)
    model = state.begin()
    if not tei.dimension_of(model):
        raise RefusalError(404, f"{model.name} has no embeddings")
    method = "single" if isinstance(asked.inputs, str) else "batch"
    state.metrics.count("request_count", method=method)
    texts = tei.check(asked)
    with state.place(len(texts)):
        done = [tei.embed_text(model, asked, text, state.draw(text)) for text in texts]
        timing.queued()
        response = await _serve(state, request, Batch(model, timing, texts, done, render))
    state.metrics.count("request_success", method=method)
    return response


async def _serve(state: SimState, request: web.Request, batch: Batch) -> web.StreamResponse:
    # A batch meets one fault and takes one service time, whatever its size.
    draw = state.draw("\0".join(["batch", *batch.texts]))
    fault = state.strike(batch.model, draw)
    if fault == "error":
        raise injected(status_for(batch.model, draw))
    if fault == "hang":
        await state.hang()
    for result in batch.done:
        state.judged(result.verdict)
    latency_s = await state.queue(batch.model, draw, len(batch.texts))
    batch.timing.began()
    await state.sleep(latency_s)
    if fault == "garbage":
        # TEI writes a vector of NaN as nulls.
        nulls = msgspec.json.encode([[None] * len(batch.done[0].vector)] * len(batch.done))
        return raw_response(garbage(draw, nulls))
    body = msgspec.json.encode(batch.render(batch.model, batch.done))
    if fault == "truncate":
        return await cut_short(request, body)
    return raw_response(body, _finish(state, batch))


def _finish(state: SimState, batch: Batch) -> dict[str, str]:
    """Put a success into the metrics; the headers that tell of it (times in milliseconds)."""
    spans_s = batch.timing.spans_s()
    spans_s["tokenization"] = spans_s.pop("validation")
    state.metrics.observe("request_duration", spans_s["total"])
    for span in ("tokenization", "queue", "inference"):
        state.metrics.observe(f"request_{span}_duration", spans_s[span])
    for result in batch.done:
        state.metrics.count("embed_count")
        state.metrics.count("embed_success")
        state.metrics.observe("request_input_length", result.tokens)
    total_ms = str(int(spans_s["total"] * 1000))
    return {
        "x-compute-type": COMPUTE_TYPE,
        "x-compute-time": total_ms,
        "x-compute-characters": str(sum(map(len, batch.texts))),
        "x-compute-tokens": str(sum(result.tokens for result in batch.done)),
        **{f"x-{span}-time": str(int(s * 1000)) for span, s in spans_s.items()},
    }
