"""Simulated model servers: real HTTP, scripted quality, speed and faults.

They answer as Text Generation Inference, Text Embeddings Inference or an OpenAI-like server do, so
that load, chaos and learning tests and the demo need no weights. What a model is told to be is in
`profile`; how a prompt carries its right answer is in `draw`.

Beside the protocol's routes: GET and POST /sim/profile (the profile in force; a JSON merge patch
to it) and GET /sim/requests (counters), for loopback clients only.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from agents.serving_key import check_key, keyed
from agents.simulation.profile import Patch, ProfileError, SimModel, load_profiles
from agents.simulation.routes import routes
from agents.simulation.state import Clock, SimState, Sleep

MAX_BODY_BYTES = 16 * 2**20
LOOPBACK = "127.0.0.1"


class RunningSim:
    """A simulated model that is listening."""

    def __init__(self, state: SimState, runner: web.AppRunner, host: str) -> None:
        """Only `serve` makes one."""
        self._state = state
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        self.base_url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def name(self) -> str:
        """The model's name."""
        return self._state.profile.name

    @property
    def profile(self) -> SimModel:
        """The profile in force, changes that are due applied."""
        return self._state.catch_up()

    def counters(self) -> dict[str, Any]:
        """calls, statuses, faults, answers (right, wrong, filler), in_service, abandoned."""
        return self._state.counters()

    def set_profile(self, patch: Patch) -> SimModel:
        """Merge `patch` into the profile in force; `ProfileError` leaves it as it was."""
        return self._state.change(patch)

    async def stop(self) -> None:
        """Close the port and every connection; calls that hang are let go. May be repeated."""
        self._state.stopping.set()
        await self._runner.cleanup()


async def serve(
    profile: SimModel,
    host: str = LOOPBACK,
    port: int = 0,
    clock: Clock = time.monotonic,
    sleep: Sleep = asyncio.sleep,
    key: str | None = None,
) -> RunningSim:
    """Start one simulated model; it listens when this returns. Port 0 picks a free one.

    `clock` (seconds) drives `after_s` changes and the timings reported; `sleep` is how the model
    takes its time. With a `key` only its holders are served; a host that isn't loopback needs one.
    Raises `OpenServerError` without it, `OSError` when the port can't be had.
    """
    check_key(host, key)
    state = SimState(profile, clock, sleep)
    middlewares = [keyed(key)] if key is not None else []
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=middlewares)
    app.add_routes([*routes(state), *_own_routes(state)])
    # A client that leaves frees its place, as with TGI; else a hang would hold it for ever.
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return RunningSim(state, runner, host)


async def run_sim_models(
    path: Path,
    host: str = LOOPBACK,
    first_port: int = 0,
    ready: Callable[[Sequence[RunningSim]], None] | None = None,
    key: str | None = None,
) -> None:
    """Serve every model of a profile file until cancelled, then stop them all.

    The models take `first_port`, the next one, and so on, in the file's order (0: free ones).
    `ready` is called once, when all listen. Raises as `serve`, or `ProfileError`, before that.
    """
    async with AsyncExitStack() as stack:
        running: list[RunningSim] = []
        for index, model in enumerate(load_profiles(path)):
            sim = await serve(model, host, first_port + index if first_port else 0, key=key)
            stack.push_async_callback(sim.stop)
            running.append(sim)
        if ready is not None:
            ready(running)
        await asyncio.Event().wait()


def _own_routes(state: SimState) -> list[web.RouteDef]:
    async def show(request: web.Request) -> web.Response:
        _only_loopback(request)
        return _json(msgspec.to_builtins(state.catch_up()))

    async def change(request: web.Request) -> web.Response:
        _only_loopback(request)
        try:
            patch = msgspec.json.decode(await request.read(), type=dict[str, Any])
            return _json(msgspec.to_builtins(state.change(patch)))
        except (
            *(msgspec.DecodeError, UnicodeDecodeError),
            *(ProfileError, RecursionError, OverflowError, web.RequestPayloadError),
        ) as error:
            return _json({"error": str(error), "error_type": "profile"}, status=422)

    async def counted(request: web.Request) -> web.Response:
        _only_loopback(request)
        return _json(state.counters())

    return [
        web.get("/sim/profile", show),
        web.post("/sim/profile", change),
        web.get("/sim/requests", counted),
    ]


def _only_loopback(request: web.Request) -> None:
    if request.remote is None or not ip_address(request.remote).is_loopback:
        raise web.HTTPForbidden(text="only for clients on this machine")


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/json"
    )
