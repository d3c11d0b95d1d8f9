"""What a server may say of itself, and which of it means that it is down."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from agents.endpoints.endpoint import Endpoint
from agents.endpoints.probe import Seen
from schemas.wire import encode
from streams.settings import Model


async def seen(answers: dict[str, Any], *, token: str | None = None, **model: Any) -> Seen:
    """What is made of these replies by path: a response, or what is raised."""

    def reply(request: httpx.Request) -> httpx.Response:
        told = answers.get(request.url.path, httpx.Response(404))
        if isinstance(told, Exception):
            raise told
        assert isinstance(told, httpx.Response)
        return told

    settings = {"protocol": "tgi", "serves": ["chat"], "endpoint": "http://m/v1", **model}
    endpoint = Endpoint(Model(**settings), token, httpx.MockTransport(reply))
    try:
        return await endpoint.look()
    finally:
        await endpoint.close()


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (httpx.ConnectError("refused"), "its server can't be reached: ConnectError('refused')"),
        (httpx.ConnectTimeout("slow"), "its /health gave no answer within 5 s"),
        (httpx.ReadTimeout("slow"), "its /health gave no answer within 5 s"),
        (
            httpx.Response(503, text="loading my-token"),
            "its /health says HTTP 503: loading [secret]",
        ),
        (httpx.Response(500), "its /health says HTTP 500"),
        (httpx.Response(200), None),
        (httpx.Response(404), None),
        (httpx.Response(401), None),
        (httpx.Response(405), None),
        (httpx.Response(302, headers={"location": "/elsewhere"}), None),
        (httpx.Response(200, headers={"content-encoding": "gzip"}, content=b""), None),
    ],
    ids=str,
)
async def test_only_who_is_away_or_ill_is_down(reply: Any, problem: str | None) -> None:
    assert (await seen({"/health": reply}, token="my-token")).problem == problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"model_id": 3}',
        b"\xff",
        b'{"model_id": "a", "version": []}',
    ],
)
@pytest.mark.parametrize("path", ["/v1/info", "/info", "/v1/models"])
async def test_what_can_not_be_read_is_passed_over(path: str, body: bytes) -> None:
    for protocol in ("tgi", "openai"):
        told = await seen({path: httpx.Response(200, content=body)}, protocol=protocol)
        assert told == Seen()


async def test_a_long_or_odd_word_can_still_be_sent() -> None:
    body = b'{"model_id": "' + b"x" * 9999 + b'", "max_input_tokens": -3}'
    told = await seen({"/v1/info": httpx.Response(200, content=body)}, served_name="a")
    assert told.info is not None
    assert (len(told.info.model_id or ""), told.info.max_input_tokens) == (200, None)
    assert len(told.mismatch or "") == 200
    encode(told.info)


@pytest.mark.parametrize(
    ("dimension", "mismatch"),
    [(576, None), (None, None), (384, "dimension is 384, and the server's is 576")],
)
async def test_llama_cpps_list_tells_dimension_and_context(
    dimension: int | None, mismatch: str | None
) -> None:
    row = {"id": "m", "meta": {"n_ctx": 2048, "n_ctx_train": 8192, "n_embd": 576}}
    told = await seen(
        {"/v1/models": httpx.Response(200, json={"data": [{"id": "other"}, row]})},
        protocol="openai",
        serves=["embedding"],
        served_name="m",
        dimension=dimension,
    )
    assert told.info is not None
    assert (told.info.model_id, told.info.max_input_tokens, told.info.dimension) == ("m", 2048, 576)
    assert told.mismatch == mismatch
