"""The HTTP application: who is let in, what is counted, how errors look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from agents.serving.front import Front
from agents.serving.http import FAILED, HOLDER, MOST_BYTES, refused
from agents.serving.refusals import Refusal
from agents.serving.routes import Routes
from agents.serving_key import OPEN_PATHS, is_loopback
from streams.clock import loop_s

CLIENT_LEFT = 499
UNKNOWN = "other"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(front: Front) -> web.Application:
    """All paths, behind what is the same for each."""
    doors = _Doors(front)
    most = front.settings.kafka.max_record_bytes
    app = web.Application(
        client_max_size=most, middlewares=[doors.count, doors.shape_errors, doors.admit]
    )
    app[MOST_BYTES] = most
    app.add_routes(Routes(front).table())
    return app


class _Doors:
    def __init__(self, front: Front) -> None:
        self._front = front

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began_s, status = loop_s(), 500
        FAILED.set(None)
        try:
            reply = await handler(request)
            status = FAILED.get() or reply.status
            return reply
        except (asyncio.CancelledError, ConnectionError):
            status = CLIENT_LEFT
            raise
        finally:
            self._front.meters.served(_route(request), status, loop_s() - began_s)

    @web.middleware
    async def shape_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return refused(refusal)
        except web.HTTPException as error:  # aiohttp's own: no such path, no such method
            allowed = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
            code = (error.reason or "error").lower().replace(" ", "_")
            message = f"{request.method} {request.path}: {error.reason}"
            return refused(Refusal(error.status, code, message, headers=allowed))

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN_PATHS:
            return await handler(request)
        holder = self._front.keys.holder(request.headers.get("Authorization"))
        if holder is None:
            raise Refusal(
                401,
                "invalid_api_key",
                "a key is needed: Authorization: Bearer ...",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if not self._front.keys.by_name:
            _check_host(request)
        if request.method == "POST":
            self._front.limits.admit(holder, loop_s())
        HOLDER.set(holder)
        return await handler(request)


def _check_host(request: web.Request) -> None:
    """Without keys, a page whose name was made to point here must not speak for its reader."""
    try:
        name = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        name = ""
    if not is_loopback(name):
        raise Refusal(403, "wrong_host", "without keys only 127.0.0.1 and localhost are served")


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNKNOWN
