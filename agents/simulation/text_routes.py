"""The text routes of a simulated model: TGI's own, and OpenAI's chat completions."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from agents.simulation import tgi
from agents.simulation.draw import Draw, Fault, answer_for, status_for
from agents.simulation.errors import RefusalError, Shape, decode, injected, stream_error
from agents.simulation.profile import SimModel
from agents.simulation.reply import (
    COMPUTE_TYPE,
    NOT_JSON,
    Handler,
    Timing,
    count_failure,
    cut_short,
    event,
    garbage,
    guarded,
    hang_up,
    open_stream,
    raw_response,
    read_body,
)
from agents.simulation.state import SimState
from agents.simulation.tgi import ChatRequest, GenerateRequest, Generation, Parameters

T = TypeVar("T")
DONE = b"data: [DONE]\n\n"
# TGI has sent status 200 before it finds these out; other statuses stand for a proxy before it.
IN_STREAM = frozenset({422, 424, 429, 500})


@dataclass(frozen=True)
class Ask:
    """One decoded text request, whatever its route."""

    prompt: str
    parameters: Parameters
    chat: bool
    stream: bool
    body: Callable[[SimModel, Generation], Any]
    events: Callable[[SimModel, Generation], Iterator[Any]]


@dataclass(frozen=True)
class Work:
    """One call under way: what it will give, and what goes wrong with it."""

    model: SimModel
    timing: Timing
    made: Generation
    fault: Fault | None
    draw: Draw


def generate_routes(state: SimState) -> list[web.RouteDef]:
    """POST /generate, /generate_stream and /."""

    def handler(*, stream: bool | None, wrap: bool = False) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            asked = await read(request, GenerateRequest)
            streamed = asked.stream if stream is None else stream
            return await _answer(state, request, _generate_ask(asked, streamed, wrap))

        return guarded(state, "plain", handle)

    return [
        web.post("/", handler(stream=None, wrap=True)),
        web.post("/generate", handler(stream=False)),
        web.post("/generate_stream", handler(stream=True)),
    ]


def chat_route(state: SimState) -> web.RouteDef:
    """POST /v1/chat/completions."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _answer(state, request, _chat_ask(await read(request, ChatRequest)))

    shape: Shape = "openai" if state.profile.protocol == "openai" else "plain"
    return web.post("/v1/chat/completions", guarded(state, shape, handle))


async def read(request: web.Request, into: type[T]) -> T:
    """The request's body; raises the `RefusalError` of a body that isn't one."""
    return decode(await read_body(request), request.headers.get("Content-Type", ""), into)


def _generate_ask(asked: GenerateRequest, stream: bool, wrap: bool) -> Ask:
    def body(_: SimModel, made: Generation) -> Any:
        said = tgi.generated(made, asked.inputs, asked.parameters)
        return [said] if wrap else said

    def events(_: SimModel, made: Generation) -> Iterator[Any]:
        return tgi.stream_events(made, asked.inputs, asked.parameters)

    return Ask(asked.inputs, asked.parameters, False, stream, body, events)


def _chat_ask(asked: ChatRequest) -> Ask:
    created = int(time.time())

    def body(model: SimModel, made: Generation) -> Any:
        return tgi.chat(model, asked, made, created)

    def events(model: SimModel, made: Generation) -> Iterator[Any]:
        return tgi.chat_events(model, asked, made, created)

    return Ask(asked.prompt(), asked.parameters(), True, asked.stream, body, events)


async def _answer(state: SimState, request: web.Request, ask: Ask) -> web.StreamResponse:
    timing = Timing(state.clock)
    model = state.begin()
    state.metrics.count("request_count")
    try:
        with state.place():
            work = await _prepare(state, model, ask, timing)
            send = _stream if ask.stream else _complete
            return await send(state, request, ask, work)
    except RefusalError as refusal:
        if ask.stream and model.protocol == "tgi" and refusal.status in IN_STREAM:
            return await _refuse_in_stream(state, request, ask, refusal)
        raise


async def _prepare(state: SimState, model: SimModel, ask: Ask, timing: Timing) -> Work:
    draw = state.draw(ask.prompt)
    answer = answer_for(model, ask.prompt, draw)
    made = tgi.generate(model, ask.prompt, answer.text, ask.parameters)
    fault = state.strike(model, draw)
    if fault == "error":
        raise injected(status_for(model, draw))
    if fault == "hang":
        await state.hang()
    state.judged(answer.verdict)
    timing.queued()
    return Work(model, timing, made, fault, draw)


async def _complete(
    state: SimState, request: web.Request, ask: Ask, work: Work
) -> web.StreamResponse:
    latency_s = await state.queue(work.model, work.draw, 1)
    work.timing.began()
    await state.sleep(latency_s + _decode_s(work))
    if work.fault == "garbage":
        return raw_response(garbage(work.draw))
    body = msgspec.json.encode(ask.body(work.model, work.made))
    if work.fault == "truncate":
        return await cut_short(request, body)
    return raw_response(body, _finish(state, ask, work))


async def _stream(
    state: SimState, request: web.Request, ask: Ask, work: Work
) -> web.StreamResponse:
    response = await open_stream(request, _stream_headers(ask))
    latency_s = await state.queue(work.model, work.draw, 1)
    work.timing.began()
    events = [event(data) for data in ask.events(work.model, work.made)]
    if work.fault == "garbage":
        events = [b"data: " + NOT_JSON + b"\n\n"]
    if work.fault == "truncate":
        events = events[: max(1, len(events) // 2)]
    pauses_s = _pauses_s(work.model, latency_s, _decode_s(work), len(events))
    for pause_s, data in zip(pauses_s, events, strict=True):
        await state.sleep(pause_s)
        await response.write(data)
    if work.fault == "truncate":
        hang_up(request)
    elif work.fault is None:
        _finish(state, ask, work)
        if ask.chat:
            await response.write(DONE)
    return response


async def _refuse_in_stream(
    state: SimState, request: web.Request, ask: Ask, refusal: RefusalError
) -> web.StreamResponse:
    count_failure(state, refusal)
    response = await open_stream(request, _stream_headers(ask))
    await response.write(event(stream_error(refusal, chat=ask.chat)))
    if ask.chat:
        await response.write(DONE)
    return response


def _decode_s(work: Work) -> float:
    rate = work.model.tokens_per_s
    return len(work.made.tokens) / rate if rate else 0.0


def _pauses_s(model: SimModel, latency_s: float, decode_s: float, events: int) -> list[float]:
    """Seconds before each event: the first token's share, then the rest evenly."""
    if events == 1:
        return [latency_s + decode_s]
    first_s = model.first_token_share * latency_s
    return [first_s] + [(latency_s + decode_s - first_s) / (events - 1)] * (events - 1)


def _stream_headers(ask: Ask) -> dict[str, str]:
    return {
        "x-compute-type": COMPUTE_TYPE,
        "x-compute-characters": str(len(ask.prompt)),
        "X-Accel-Buffering": "no",
    }


def _finish(state: SimState, ask: Ask, work: Work) -> dict[str, str]:
    """Put a success into the metrics; the headers that tell of it (times in ms but for the first).

    `x-compute-time` is in seconds, as TGI has it.
    """
    spans_s, tokens = work.timing.spans_s(), len(work.made.tokens)
    per_token_s = spans_s["inference"] / tokens
    metrics = state.metrics
    metrics.count("request_success")
    metrics.observe("request_duration", spans_s["total"])
    for span in ("validation", "queue", "inference"):
        metrics.observe(f"request_{span}_duration", spans_s[span])
    metrics.observe("request_mean_time_per_token_duration", per_token_s)
    metrics.observe("request_generated_tokens", tokens)
    metrics.observe("request_input_length", len(work.made.prompt))
    times_ms = {f"x-{span}-time": str(int(s * 1000)) for span, s in spans_s.items()}
    return {
        "x-compute-type": COMPUTE_TYPE,
        "x-compute-time": f"{spans_s['total']:.9g}",
        "x-compute-characters": str(len(ask.prompt)),
        **times_ms,
        "x-time-per-token": str(int(per_token_s * 1000)),
        "x-prompt-tokens": str(len(work.made.prompt)),
        "x-generated-tokens": str(tokens),
    }
