"""The product's endpoint on llama.cpp's own server, with real weights, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from agents.endpoints.endpoint import Endpoint
from agents.local.missing import MissingWheelError
from agents.local.models import LOCAL_MODELS, require_wheels
from agents.model_error import ModelError
from agents.reply import Answer
from schemas.query import Message, Parameters, Query
from streams.settings import Model
from tests.agents.local.test_local_models import Running, start

NAME = "smollm2-135m"
ANIMAL = {
    "type": "object",
    "properties": {"animal": {"enum": ["cat", "dog"]}, "legs": {"type": "integer"}, "tail": {}},
    "required": ["animal", "legs"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    try:
        require_wheels(LOCAL_MODELS[NAME])
    except MissingWheelError as missing:
        pytest.skip(str(missing))
    running = start(NAME, tmp_path_factory.mktemp("models"))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
async def endpoint(server: Running) -> AsyncIterator[Endpoint]:
    made = Endpoint(
        Model(endpoint=server.url, protocol="openai", serves=["chat", "embedding"]), None
    )
    yield made
    await made.close()


def query(prompt: str, **parameters: Any) -> Query:
    return Query(query_id="q", prompt=prompt, parameters=Parameters(**parameters))


async def ask(endpoint: Endpoint, asked: Query) -> Answer:
    return await endpoint.answer(asked, "", 60.0)


async def test_chat(endpoint: Endpoint) -> None:
    messages = [
        Message(role="system", content="Answer with one word."),
        Message(role="user", content="What is the opposite of hot?"),
    ]
    asked = Query(query_id="q", messages=messages, parameters=Parameters(temperature=0))
    answer = await ask(endpoint, asked)
    assert answer.text
    assert answer.finish_reason == "stop"
    assert (answer.usage.prompt_tokens or 0) > 10
    assert (answer.usage.completion_tokens or 0) > 0


async def test_stream(endpoint: Endpoint) -> None:
    pieces: list[str] = []

    async def take(text: str) -> None:
        pieces.append(text)

    asked = query("Count to five.", max_tokens=12, temperature=0)
    began = time.monotonic()
    answer = await endpoint.answer(asked, "", 60.0, take)
    took_s = time.monotonic() - began
    assert len(pieces) > 3
    assert "".join(pieces) == answer.text == (await ask(endpoint, asked)).text
    assert (answer.finish_reason, answer.usage.completion_tokens) == ("length", 12)
    assert 0 < (answer.first_token_s or 0) < took_s


async def test_max_tokens_and_stop(endpoint: Endpoint) -> None:
    short = await ask(endpoint, query("Count from one to nine.", max_tokens=20, temperature=0))
    assert (short.finish_reason, short.usage.completion_tokens) == ("length", 20)
    text = short.text or ""
    end = text.split()[3]
    stopped = await ask(
        endpoint, query("Count from one to nine.", max_tokens=20, temperature=0, stop=[end])
    )
    assert (stopped.text, stopped.finish_reason) == (text[: text.index(end)], "stop")


async def test_seed(endpoint: Endpoint) -> None:
    said = [
        (
            await ask(endpoint, query("Name an animal.", max_tokens=16, temperature=1.5, seed=seed))
        ).text
        for seed in (1, 1, 2, 3)
    ]
    assert said[0] == said[1]
    assert len(set(said)) > 1


async def test_top_k_of_one_leaves_no_choice(endpoint: Endpoint) -> None:
    sampled = {"max_tokens": 8, "temperature": 2.0, "top_k": 1}
    asked = [query("Name a tree.", seed=seed, **sampled) for seed in range(3)]
    said = {(await ask(endpoint, one)).text for one in asked}
    assert len(said) == 1


async def test_response_format(endpoint: Endpoint) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "animal", "schema": ANIMAL}}
    asked = query("Tell me about a pet.", response_format=wanted, max_tokens=64, temperature=0)
    said = json.loads((await ask(endpoint, asked)).text or "")
    assert said["animal"] in ("cat", "dog")
    assert isinstance(said["legs"], int)


async def test_a_stream_that_is_left_frees_the_server(endpoint: Endpoint) -> None:
    first = asyncio.Event()

    async def take(_: str) -> None:
        first.set()

    tale = query("Tell me a very long tale.", max_tokens=1500, temperature=0)
    telling = asyncio.create_task(endpoint.answer(tale, "", 60.0, take))
    await first.wait()
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling
    # It has one slot: with the tale still in it, this would wait for ten seconds and more.
    answer = await endpoint.answer(query("Say yes.", max_tokens=4), "", 5.0)
    assert answer.text


async def test_what_the_server_says_of_itself(endpoint: Endpoint) -> None:
    seen = await endpoint.look()
    assert seen.problem is None
    assert seen.info is not None
    assert (seen.info.model_id, seen.info.dimension) == (NAME, 576)


async def test_embeddings_that_it_does_not_serve_are_an_error(endpoint: Endpoint) -> None:
    with pytest.raises(ModelError) as told:
        await ask(endpoint, Query(query_id="q", input="a red fox"))
    assert told.value.kind == "server_error"
    assert "embeddings" in told.value.message
