"""A model's endpoint is where the settings say, whatever it says itself."""

from __future__ import annotations

import pytest
from aiohttp import web

from agents.endpoints.endpoint import Endpoint
from agents.model_error import ModelError
from schemas.query import Query
from streams.settings import Model


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        location = {"Location": str(request.url.with_path("/elsewhere"))}
        return web.Response(status=status, headers=location)

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    endpoint = Endpoint(Model(endpoint=url, protocol="tgi", serves=["chat"]), "a-token-of-ours")
    try:
        with pytest.raises(ModelError):
            await endpoint.answer(Query(query_id="q", prompt="private"), "", 5.0)
    finally:
        await endpoint.close()
        await runner.cleanup()
    assert asked == ["/v1/chat/completions"]
