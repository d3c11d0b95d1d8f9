"""How a simulated model puts an answer on the wire: headers, streams, and broken bodies."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from agents.simulation.draw import Draw
from agents.simulation.errors import JSON, RefusalError, Shape, error_body, error_type
from agents.simulation.state import Clock, SimState

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STREAM_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
COMPUTE_TYPE = "cpu"
NOT_JSON = b"<html><body><h1>It works!</h1></body></html>"
NOT_AN_ANSWER = b'{"unexpected":true}'


class Timing:
    """When a call came, was validated, and began to be worked on; seconds of one clock."""

    def __init__(self, clock: Clock) -> None:
        """The call comes now."""
        self._clock = clock
        self._came = self._queued = self._began = clock()

    def queued(self) -> None:
        """Validation is over."""
        self._queued = self._began = self._clock()

    def began(self) -> None:
        """The wait is over."""
        self._began = self._clock()

    def spans_s(self) -> dict[str, float]:
        """Seconds so far: `total`, `validation`, `queue`, `inference`."""
        now = self._clock()
        return {
            "total": now - self._came,
            "validation": self._queued - self._came,
            "queue": self._began - self._queued,
            "inference": now - self._began,
        }


async def read_body(request: web.Request) -> bytes:
    """The request's bytes; raises the `RefusalError` of a body that can't be unpacked."""
    try:
        return await request.read()
    except web.RequestPayloadError as error:
        raise RefusalError(400, f"The request's body can't be read: {error}", raw=True) from error


def guarded(state: SimState, shape: Shape, handle: Handler) -> Handler:
    """`handle` with its refusals put in the protocol's words, and every outcome counted."""

    async def run(request: web.Request) -> web.StreamResponse:
        try:
            response = await handle(request)
        except RefusalError as refusal:
            response = refused(state, refusal, shape)
        except (asyncio.CancelledError, ConnectionResetError):
            state.abandoned += 1
            raise
        state.statuses[response.status] += 1
        return response

    return run


def refused(state: SimState, refusal: RefusalError, shape: Shape) -> web.Response:
    """The error response for `refusal`, with Retry-After where the profile has one."""
    count_failure(state, refusal)
    body, content_type = error_body(refusal, shape, state.prefix)
    headers = {"Content-Type": content_type}
    if refusal.status in {429, 503} and state.profile.retry_after_s is not None:
        headers["Retry-After"] = str(state.profile.retry_after_s)
    # OpenAI knows no 422.
    status = 400 if shape == "openai" and refusal.status == 422 else refusal.status
    return web.Response(body=body, status=status, headers=headers)


def count_failure(state: SimState, refusal: RefusalError) -> None:
    """Count a refusal where the real servers do."""
    if not refusal.raw:
        kind = error_type(refusal.status, state.prefix).lower()
        state.metrics.count("request_failure", err=kind)


def json_response(body: Any, headers: dict[str, str] | None = None) -> web.Response:
    """200 with `body` as JSON."""
    return raw_response(msgspec.json.encode(body), headers)


def raw_response(body: bytes, headers: dict[str, str] | None = None) -> web.Response:
    """200 with `body`, said to be JSON."""
    return web.Response(body=body, headers={"Content-Type": JSON, **(headers or {})})


def garbage(draw: Draw, *variants: bytes) -> bytes:
    """A body that is no answer: not JSON, JSON of another shape, or one of `variants`."""
    choices = (NOT_JSON, NOT_AN_ANSWER, *variants)
    return choices[int(draw("garbage") * len(choices))]


async def cut_short(request: web.Request, body: bytes) -> web.StreamResponse:
    """Promise the whole of `body`, send half of it, and close the connection."""
    response = web.StreamResponse(headers={"Content-Type": JSON})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    hang_up(request)
    return response


async def open_stream(request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
    """Begin a stream of server-sent events: the status and the headers go out now."""
    response = web.StreamResponse(headers={**STREAM_HEADERS, **headers})
    await response.prepare(request)
    return response


def event(data: Any) -> bytes:
    """One server-sent event with `data` as JSON."""
    return b"data:" + (b" " if isinstance(data, str) else b"") + _payload(data) + b"\n\n"


def hang_up(request: web.Request) -> None:
    """Close the connection once what was written is out."""
    if request.transport is not None:
        request.transport.close()


def _payload(data: Any) -> bytes:
    return data.encode() if isinstance(data, str) else msgspec.json.encode(data)
