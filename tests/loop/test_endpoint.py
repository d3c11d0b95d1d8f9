"""What a model's endpoint is sent, and how its ways to fail are told apart."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.endpoints.endpoint import Endpoint
from agents.model_error import ModelError
from agents.simulation.profile import SimModel, merge
from agents.simulation.server import serve
from schemas.query import Query
from streams.settings import Model
from tests.loop.scripted import scripted
from tests.loop.watching import until
from tests.security.certificates import Authority

CHAT = Query(query_id="q", prompt="hello")
EMBED = Query(query_id="q", input=["one", "two"])
PROTOCOLS: dict[str, tuple[Query, str, bool]] = {
    "chat": (CHAT, "tgi", False),
    "stream": (CHAT, "tgi", True),
    "tei": (EMBED, "tei", False),
    "openai embeddings": (EMBED, "openai", False),
}


@asynccontextmanager
async def endpoint(
    url: str, protocol: Any = "tgi", token: str | None = None, **settings: Any
) -> AsyncIterator[Endpoint]:
    model = Model(endpoint=url, protocol=protocol, serves=["chat", "embedding"], **settings)
    made = Endpoint(model, token)
    try:
        yield made
    finally:
        await made.close()


async def drop(_: str) -> None:
    """Takes a piece of text."""


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def piece(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish}
    head = {"id": "", "created": 0, "model": "m", "system_fingerprint": "", "usage": None}
    return event({**head, "choices": [choice]})


async def error_of(url: str, *, stream: bool, **settings: Any) -> ModelError:
    async with endpoint(url, **settings) as asked:
        with pytest.raises(ModelError) as told:
            await asked.answer(CHAT, "", 2.0, drop if stream else None)
    return told.value


@pytest.mark.parametrize("what", PROTOCOLS)
@pytest.mark.parametrize("token", [None, "its-own"])
async def test_a_token_from_the_environment_is_never_sent(
    monkeypatch: pytest.MonkeyPatch, what: str, token: str | None
) -> None:
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(variable, "hf_from_the_environment")
    query, protocol, stream = PROTOCOLS[what]
    async with (
        scripted(b"{}", kind="application/json") as (url, script),
        endpoint(url, protocol, token) as asked,
    ):
        with pytest.raises(ModelError):
            await asked.answer(query, "", 2.0, drop if stream else None)
    (head,) = script.heads
    assert "hf_from_the_environment" not in head
    values = [line.partition(":")[2] for line in head.lower().splitlines() if "authoriz" in line]
    assert [value.strip() for value in values if value.strip()] == (
        [f"bearer {token}"] if token else []
    )


def live_responses() -> list[httpx.Response]:
    """Every response that something still refers to, in whatever test it was made."""
    gc.collect()
    return [kept for kept in gc.get_objects() if isinstance(kept, httpx.Response)]


async def test_streams_share_a_connection_and_leave_nothing_behind() -> None:
    before = live_responses()
    said = (piece("a"), piece("b", "stop"), b"data: [DONE]\n\n")
    async with scripted(*said) as (url, script), endpoint(url) as asked:
        for _ in range(5):
            answer = await asked.answer(CHAT, "", 5.0, drop)
            assert (answer.text, answer.finish_reason) == ("ab", "stop")
        assert script.connections == 1
        await until(
            lambda: all(any(kept is old for old in before) for kept in live_responses()),
            "nothing refers to the streams' responses",
            5,
        )


async def test_a_connection_that_was_kept_and_is_closed_costs_no_answer() -> None:
    said = (piece("a", "stop"), b"data: [DONE]\n\n")
    async with scripted(*said, hangs_up=True) as (url, script), endpoint(url) as asked:
        for asks in range(1, 4):
            assert (await asked.answer(CHAT, "", 5.0, drop)).text == "a"
            assert script.connections == asks
        assert len(script.heads) == 3


async def test_a_server_that_hangs_up_at_once_is_not_asked_again() -> None:
    asks = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asks
        await reader.readuntil(b"\r\n\r\n")
        asks += 1
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await error_of(f"http://127.0.0.1:{port}", stream=False)
    assert (error.kind, asks) == ("server_error", 1)


@pytest.mark.parametrize("after", [(), (piece("some"),)], ids=["at once", "after a piece"])
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"error": {"message": "Model is overloaded", "http_status_code": 422}}, "overloaded"),
        ({"error": "Model is overloaded", "error_type": "overloaded"}, "overloaded"),
        ({"error": "too many", "error_type": "overloaded"}, "overloaded"),
        ({"error": {"message": "Input validation error: x", "http_status_code": 422}}, "rejected"),
        ({"error": "x", "error_type": "validation"}, "rejected"),
        ({"error": {"message": "Request failed during generation"}}, "server_error"),
        ({"error": "x", "error_type": "incomplete_generation"}, "server_error"),
        ({"error": ["odd"]}, "server_error"),
    ],
    ids=str,
)
async def test_an_error_inside_a_stream_is_told(
    after: tuple[bytes, ...], said: dict[str, Any], kind: str
) -> None:
    async with scripted(*after, event(said), b"data: [DONE]\n\n") as (url, _):
        error = await error_of(url, stream=True)
    assert error.kind == kind
    inner = said["error"]
    assert (inner["message"] if isinstance(inner, dict) else str(inner)) in error.message


@pytest.mark.parametrize(
    ("body", "kind", "whole"),
    [
        ((b"<html>busy</html>",), "server_error", True),
        ((b"data: <html>\n\n",), "bad_answer", True),
        ((b"data: {}\n\n",), "bad_answer", True),
        ((b'data: {"choices": 3}\n\n',), "bad_answer", True),
        ((piece("half"),), "server_error", False),
        ((piece("half"),), "server_error", True),
        ((b"data: [DONE]\n\n",), "server_error", True),
    ],
    ids=["no events", "not JSON", "no chunk", "odd", "broken off", "no end", "empty"],
)
async def test_a_stream_that_is_no_answer(body: tuple[bytes, ...], kind: str, whole: bool) -> None:
    async with scripted(*body, whole=whole) as (url, _):
        assert (await error_of(url, stream=True)).kind == kind


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b"[]", b"null", b'{"choices": []}', b'{"choices": [{}]}', b"\xff"],
)
async def test_an_answer_that_is_none(body: bytes) -> None:
    async with scripted(*([body] if body else []), kind="application/json") as (url, _):
        assert (await error_of(url, stream=False)).kind == "bad_answer"


@pytest.mark.parametrize(
    "rows",
    ["[[1.0]]", "[[1.0], [1.0, 2.0]]", "[[1.0], []]", "[[1.0], [null]]", '[[1.0], ["x"]]', "{}"],
)
@pytest.mark.parametrize("protocol", ["tei", "openai"])
async def test_embeddings_that_are_none(protocol: str, rows: str) -> None:
    body = rows
    if protocol == "openai" and rows != "{}":
        parts = enumerate(json.loads(rows))
        body = json.dumps({"data": [{"index": n, "embedding": row} for n, row in parts]})
    async with (
        scripted(body.encode(), kind="application/json") as (url, _),
        endpoint(url, protocol) as asked,
    ):
        with pytest.raises(ModelError) as told:
            await asked.answer(EMBED, "", 2.0)
    assert told.value.kind == "bad_answer"


async def test_an_endpoint_that_takes_no_connection_is_unreachable() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            await asyncio.sleep(0)
            url = f"http://127.0.0.1:{port}"
            error = await error_of(url, stream=False, connect_timeout_s=0.2)
        finally:
            for one in waiting:
                one.close()
    assert error.kind == "unreachable"


async def test_the_first_token_has_a_limit_of_its_own_and_the_rest_has_not() -> None:
    slow = {"first_token_share": 0.5, "latency": {"median_s": 0.8}}
    sim = await serve(merge(SimModel(name="slow", protocol="tgi"), slow))
    try:
        error = await error_of(sim.base_url, stream=True, first_token_timeout_s=0.1)
        assert (error.kind, error.message) == ("timeout", "no first token within 0.1 s")
        async with endpoint(sim.base_url, first_token_timeout_s=0.6) as asked:
            answer = await asked.answer(CHAT, "", 5.0, drop)
        assert answer.first_token_s is not None
        assert 0.3 < answer.first_token_s < 0.6
    finally:
        await sim.stop()


def server_tls(authority: Authority, host: str) -> ssl.SSLContext:
    pair = authority.issue(f"model-at-{host}", host=host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


@pytest.mark.parametrize("what", PROTOCOLS)
async def test_with_tls_a_token_goes_only_to_the_host_that_its_authority_names(
    what: str, tmp_path: Path
) -> None:
    query, protocol, stream = PROTOCOLS[what]
    ours = Authority(tmp_path)

    async def told(host: str, **settings: Any) -> tuple[ModelError, list[str]]:
        tls = server_tls(ours, host)
        async with (
            scripted(b"{}", kind="application/json", tls=tls) as (url, script),
            endpoint(url, protocol, "its-own", **settings) as asked,
        ):
            with pytest.raises(ModelError) as raised:
                await asked.answer(query, "", 2.0, drop if stream else None)
            return raised.value, script.heads

    trusting = {"ca_file": str(ours.file)}
    for host, settings in {"127.0.0.1": {}, "127.0.0.9": trusting}.items():
        error, heads = await told(host, **settings)
        assert error.kind == "unreachable"
        assert "CERTIFICATE_VERIFY_FAILED" in error.message
        assert not heads, "nothing was sent"
    error, (head,) = await told("127.0.0.1", **trusting)
    assert error.kind in ("bad_answer", "server_error"), "it answered, with nonsense"
    assert "authorization: bearer its-own" in head.lower()


@pytest.mark.parametrize("what", PROTOCOLS)
async def test_a_reply_without_an_end_is_left(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.http_client.LARGEST_REPLY_BYTES", 50_000)
    query, protocol, stream = PROTOCOLS[what]
    body = [b" " * 9_999 + b"\n"] * 100
    async with (
        scripted(*body, kind="application/json", endless=True) as (url, script),
        endpoint(url, protocol) as asked,
    ):
        with pytest.raises(ModelError) as told:
            await asked.answer(query, "", 5.0, drop if stream else None)
        assert told.value.kind == "bad_answer"
        assert "larger than 50000 bytes" in told.value.message
        await until(lambda: not script.open, "the connection is closed")


async def test_a_reply_that_is_packed_is_not_unpacked() -> None:
    body = gzip.compress(b" " * 10_000_000)
    kind = "application/json\r\nContent-Encoding: gzip"
    async with scripted(body, kind=kind) as (url, script), endpoint(url) as asked:
        with pytest.raises(ModelError) as told:
            await asked.answer(CHAT, "", 5.0)
        assert "accept-encoding: identity" in script.heads[0].lower()
    assert (told.value.kind, "content-encoding is gzip" in told.value.message) == (
        "bad_answer",
        True,
    )
