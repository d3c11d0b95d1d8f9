"""TGI's, TEI's and OpenAI's bodies, with the fields that they publish, and what we make of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.model_error import ModelError
from schemas.query import Message, Parameters, Query
from schemas.response import Usage
from tests.agents.endpoints import published
from tests.agents.endpoints.asking import ASK, asked
from tests.agents.endpoints.published import conforms

TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "paint", "parameters": {"type": "object"}}}
]
SAID = "deep blue sea"
ASKED_TOKENS = 12
SAID_TOKENS = 4  # three pieces and the end


def query(**parameters: Any) -> Query:
    return Query(query_id="q", prompt=ASK, parameters=Parameters(**parameters))


async def test_generate() -> None:
    async with asked("tgi", api="generate") as server:
        answer = await server.ask(query(seed=7))
        conforms(server.wire.body, published.GENERATE_RESPONSE)
        assert server.wire.asked[-1][0] == "/generate"
        assert (answer.text, answer.finish_reason, answer.first_token_s) == (SAID, "stop", None)
        assert answer.usage == Usage(prompt_tokens=ASKED_TOKENS, completion_tokens=SAID_TOKENS)
        cut = await server.ask(query(max_tokens=2))
        assert (cut.text, cut.finish_reason) == ("deep blue", "length")
        stopped = await server.ask(query(stop=["blue"]))
        assert (stopped.text, stopped.finish_reason) == ("deep blue", "stop")


async def test_generate_stream() -> None:
    async with asked("tgi", api="generate") as server:
        answer = await server.ask(query(), stream=True)
        assert server.wire.asked[-1][0] == "/generate_stream"
        for event in server.wire.events:
            conforms(event, published.STREAM_RESPONSE)
        assert "".join(server.pieces) == answer.text == SAID
        assert (answer.finish_reason, answer.usage) == (
            "stop",
            Usage(prompt_tokens=ASKED_TOKENS, completion_tokens=SAID_TOKENS),
        )
        assert answer.first_token_s is not None


@pytest.mark.parametrize("protocol", ["tgi", "openai"])
@pytest.mark.parametrize("stream", [False, True])
async def test_chat(protocol: str, stream: bool) -> None:
    async with asked(protocol) as server:
        answer = await server.ask(query(), stream=stream, instructions="Be brief.")
        path, sent = server.wire.asked[-1]
        assert path == "/v1/chat/completions"
        assert sent["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": ASK},
        ]
        if stream:
            for event in server.wire.events:
                conforms(event, published.CHAT_COMPLETION_CHUNK)
        else:
            conforms(server.wire.body, published.CHAT_COMPLETION)
        assert (answer.text, answer.finish_reason, answer.tool_calls) == (SAID, "stop", None)
        assert answer.usage.completion_tokens == SAID_TOKENS
        assert (answer.usage.prompt_tokens or 0) > ASKED_TOKENS
        assert (answer.first_token_s is not None) == stream
        stopped = await server.ask(query(stop=["blue"]), stream=stream)
        assert (stopped.text, stopped.finish_reason) == ("deep blue", "stop")


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls(stream: bool) -> None:
    async with asked("tgi") as server:
        answer = await server.ask(query(tools=TOOLS, tool_choice="auto"), stream=stream)
        told = server.wire.events if stream else [server.wire.body]
        for one in told:
            conforms(one, published.CHAT_COMPLETION_CHUNK if stream else published.CHAT_COMPLETION)
        assert not server.pieces, "arguments are no text"
    assert (answer.text, answer.finish_reason) == (None, "tool_calls")
    (call,) = answer.tool_calls or []
    assert (call["id"], call["type"], call["function"]["name"]) == ("0", "function", "paint")
    assert json.loads(call["function"]["arguments"]) == {"answer": SAID}
    assert (answer.first_token_s is not None) == stream


async def test_messages_go_to_the_chat_route_of_a_base_model_too() -> None:
    async with asked("tgi", api="generate") as server:
        said = [Message(role="user", content=ASK)]
        await server.ask(Query(query_id="q", messages=said))
        assert server.wire.asked[-1][0] == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(422, "rejected"), (424, "server_error"), (429, "overloaded"), (500, "server_error")],
)
@pytest.mark.parametrize("api", ["messages", "generate"])
async def test_errors(status: int, kind: str, api: str) -> None:
    faults = {"error_rate": 1.0, "error_statuses": [status], "retry_after_s": 3}
    async with asked("tgi", faults, api=api) as server:
        with pytest.raises(ModelError) as told:
            await server.ask(query())
        conforms(server.wire.body, published.ERROR)
    assert told.value.kind == kind
    assert told.value.message.startswith(f"HTTP {status}: {server.wire.body['error']}")
    assert told.value.retry_after_s == (3 if status == 429 else None)


@pytest.mark.parametrize(("settings", "length"), [({}, 1.0), ({"normalize": False}, None)])
async def test_embed(settings: dict[str, Any], length: float | None) -> None:
    async with asked("tei", {"dimension": 8}, **settings) as server:
        answer = await server.ask(Query(query_id="q", input=["a red fox", "the sky"]))
        conforms(server.wire.body, published.EMBED_RESPONSE)
        path, sent = server.wire.asked[-1]
    assert (path, sent) == (
        "/embed",
        {"inputs": ["a red fox", "the sky"], "normalize": settings.get("normalize", True)},
    )
    assert answer.usage == Usage(prompt_tokens=9), "from x-compute-tokens"
    sizes = [sum(number**2 for number in row) for row in answer.embeddings or []]
    assert (sizes == pytest.approx([1.0, 1.0])) == (length is not None)


async def test_embed_cuts_what_is_too_long_where_it_is_told_to() -> None:
    long = Query(query_id="q", input="word " * 50)
    async with asked("tei", {"max_input_tokens": 10}, truncate=True) as server:
        await server.ask(long)
        assert server.wire.asked[-1][1]["truncate"] is True


async def test_openai_embeddings() -> None:
    async with asked("openai", {"dimension": 8}, served_name="m") as server:
        answer = await server.ask(Query(query_id="q", input="a red fox"))
        conforms(server.wire.body, published.EMBEDDINGS)
        assert server.wire.asked[-1] == ("/v1/embeddings", {"input": ["a red fox"], "model": "m"})
    assert answer.usage == Usage(prompt_tokens=5)


@pytest.mark.parametrize("protocol", ["tgi", "tei", "openai"])
async def test_what_a_server_says_of_itself(protocol: str) -> None:
    async with asked(protocol, {"model_id": "org/model"}, served_name="org/model") as server:
        seen = await server.endpoint.look()
        assert (seen.problem, seen.mismatch) == (None, None)
        assert seen.info is not None
        assert seen.info.model_id == "org/model"
        if protocol != "openai":
            schema = published.TGI_INFO if protocol == "tgi" else published.TEI_INFO
            conforms(server.wire.body, schema)
            assert seen.info.version is not None
            assert seen.info.max_input_tokens == 4096
        server.sim.set_profile({"model_id": "org/another"})
        assert (await server.endpoint.look()).mismatch == (
            "served_name is org/model, and the server serves org/another"
        )
        server.sim.set_profile({"healthy": False})
        down = await server.endpoint.look()
        assert (down.problem, down.info) == ("its /health says HTTP 503: unhealthy", None)
