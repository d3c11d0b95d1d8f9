"""The gateway with OpenAI's own client: real broker, real roles, simulated models."""

from __future__ import annotations

import asyncio
import struct
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from openai.types.chat import ChatCompletionMessageParam

from schemas.cancellation import Cancellation
from schemas.feedback import Feedback
from tests.loop.gateways import ALICE, BOB, ROLES, Served, gateway, models, stop
from tests.loop.system import System, system_at
from tests.loop.watching import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = "one two three four five six seven eight nine ten eleven twelve"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """Router and workers, for all tests of this file."""
    async with system_at(kafka_bootstrap, "gw-", tmp_path_factory.mktemp("gateway")) as made:
        await models(made)
        await made.run(*ROLES)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(system: System) -> AsyncIterator[Served]:
    async with gateway(system.settings) as replica:
        yield replica


def say(text: str) -> list[ChatCompletionMessageParam]:
    """A prompt whose right answer is this text."""
    return [{"role": "user", "content": f"Please.\nsim-answer: {text}"}]


async def test_an_answer_and_who_gave_it(served: Served) -> None:
    async with served.client() as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="auto:code",
            messages=say(WORDS),
            max_tokens=50,
            temperature=0,
            user="somebody",
            metadata={"a": "b"},
        )
    answer, headers = raw.parse(), raw.headers
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", WORDS)
    assert choice.finish_reason == "stop"
    assert answer.model in ("one", "two")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.id == f"chatcmpl-{headers['x-zeta-query-id']}"
    assert headers["x-zeta-model"] == answer.model
    assert (headers["x-zeta-task"], headers["x-zeta-attempt"]) == ("code", "1")
    assert headers["x-zeta-rule-version"] == "0"
    assert float(headers["x-zeta-propensity"]) == 0.5


async def test_a_stream_comes_in_pieces_and_ends_with_the_counts(served: Served) -> None:
    async with served.client() as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="one", messages=say(WORDS), stream=True, stream_options={"include_usage": True}
        )
        events = [event async for event in raw.parse()]
    *parts, counts = events
    assert parts[0].choices[0].delta.role == "assistant"
    texts = [part.choices[0].delta.content for part in parts]
    assert "".join(text or "" for text in texts) == WORDS
    assert [part.choices[0].finish_reason for part in parts[-2:]] == [None, "stop"]
    assert counts.choices == []
    assert counts.usage is not None
    assert counts.usage.completion_tokens > 10
    assert {event.id for event in events} == {f"chatcmpl-{raw.headers['x-zeta-query-id']}"}
    assert {event.model for event in events} == {"one", raw.headers["x-zeta-model"]}
    assert raw.headers["x-zeta-task"] == "code"
    assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"


async def test_tokens_come_before_the_answer_is_whole(system: System, served: Served) -> None:
    system.sims["one"].set_profile({"tokens_per_s": 20.0})
    try:
        async with served.client() as client:
            stream = await client.chat.completions.create(
                model="one", messages=say(WORDS), stream=True
            )
            texts = [event.choices[0].delta.content or "" async for event in stream]
    finally:
        system.sims["one"].set_profile({"tokens_per_s": 0.0})
    assert "".join(texts) == WORDS
    assert len([text for text in texts if text]) > 5


async def test_replicas_get_their_own_answers_alone(system: System, served: Served) -> None:
    async with gateway(system.settings) as other:
        async with served.client() as first, other.client() as second:
            asked = [
                (first, second)[number % 2].chat.completions.create(
                    model="auto", messages=say(f"number {number}"), stream=number % 3 == 0
                )
                for number in range(30)
            ]
            answers: list[Any] = await asyncio.gather(*asked)
            for number, answer in enumerate(answers):
                text = (
                    await _whole(answer) if number % 3 == 0 else answer.choices[0].message.content
                )
                assert text == f"number {number}"
        assert other.value("zeta_gateway_waiting") == 0
        route = "/v1/chat/completions"
        assert other.value("zeta_gateway_requests_total", route=route, status="200") == 15
        assert other.value("zeta_gateway_seconds_count", route=route) == 15


async def _whole(stream: openai.AsyncStream[Any]) -> str:
    return "".join([event.choices[0].delta.content or "" async for event in stream])


async def test_vectors_as_numbers_and_packed(served: Served) -> None:
    async with served.client() as client:
        packed = await client.embeddings.create(model="auto", input=["a text", "another"])
        plain = await client.embeddings.create(
            model="vectors", input="a text", encoding_format="float", dimensions=8
        )
    assert packed.model == "vectors"
    assert [row.index for row in packed.data] == [0, 1]
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    body = {"model": "auto:embedding", "input": "a text", "encoding_format": "base64"}
    async with httpx.AsyncClient(base_url=served.url) as http:
        reply = await http.post("/v1/embeddings", json=body, headers=bearer())
        (row,) = reply.json()["data"]
        assert struct.unpack("<8f", b64decode(row["embedding"])) == pytest.approx(
            plain.data[0].embedding, abs=1e-6
        )
        refused = await http.post(
            "/v1/embeddings", json={**body, "dimensions": 9}, headers=bearer()
        )
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "dimensions")


def bearer(key: str = ALICE) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_names_of_models(served: Served) -> None:
    async with served.client() as client:
        listed = [model.id async for model in client.models.list()]
        one = await client.models.retrieve("auto:code")
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-4o")
    tasks = ["auto:code", "auto:reasoning", "auto:embedding"]
    assert listed == ["auto", *tasks, "one", "two", "vectors"]
    assert one.owned_by == "zeta"


async def test_errors_are_openais(served: Served) -> None:
    async with served.client("not-a-key-0123456789") as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.chat.completions.create(model="auto", messages=say("x"))
    async with served.client() as client:
        ask = client.chat.completions.create
        with pytest.raises(openai.NotFoundError) as missing:
            await ask(model="vectors", messages=say("x"))
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError) as unsupported:
            await ask(model="auto", messages=say("x"), reasoning_effort="high")
        assert (unsupported.value.code, unsupported.value.param) == (
            "unsupported_parameter",
            "reasoning_effort",
        )
        with pytest.raises(openai.BadRequestError) as unknown:
            await ask(model="auto", messages=say("x"), extra_body={"best_of": 2})
        assert unknown.value.param == "best_of"


async def test_models_errors_keep_their_kind(system: System, served: Served) -> None:
    system.sims["two"].set_profile({"error_rate": 1.0, "error_statuses": [400]})
    try:
        async with served.client() as client:
            with pytest.raises(openai.BadRequestError) as refused:
                await client.chat.completions.create(model="two", messages=say("x"))
            assert refused.value.code == "rejected"
            assert refused.value.response.headers["x-zeta-query-id"]
            with pytest.raises(openai.BadRequestError) as streamed:
                await client.chat.completions.create(model="two", messages=say("x"), stream=True)
            assert streamed.value.code == "rejected"
    finally:
        system.sims["two"].set_profile({"error_rate": 0.0})


async def test_a_time_limit_is_kept(system: System, served: Served) -> None:
    system.sims["one"].set_profile({"hang_rate": 1.0})
    try:
        async with served.client() as client:
            with pytest.raises(openai.InternalServerError) as late:
                await client.chat.completions.create(
                    model="one", messages=say("x"), extra_headers={"x-zeta-time-limit-s": "0.5"}
                )
    finally:
        system.sims["one"].set_profile({"hang_rate": 0.0})
    assert (late.value.status_code, late.value.code) == (504, "deadline")


async def test_a_session_stays_with_one_model(served: Served) -> None:
    async with served.client(default_headers={"x-zeta-session": "s1"}) as client:
        answers = [
            await client.chat.completions.create(model="auto:code", messages=say(f"{number}"))
            for number in range(8)
        ]
    assert len({answer.model for answer in answers}) == 1


async def test_a_key_that_asks_too_often_is_told_when_to_come_again(system: System) -> None:
    async with gateway(system.settings, requests_per_minute=60) as limited:
        route = {"route": "/v1/chat/completions"}
        async with limited.client() as client, limited.client(BOB) as other:
            asked = [
                client.chat.completions.create(model="none", messages=say("x")) for _ in range(90)
            ]
            found = await asyncio.gather(*asked, return_exceptions=True)
            limits = [one for one in found if isinstance(one, openai.RateLimitError)]
            others = [one for one in found if isinstance(one, openai.NotFoundError)]
            assert len(others) >= 60
            assert limits[0].response.headers["retry-after"] == "1"
            assert limits[0].code == "rate_limit_exceeded"
            # Another key has its own measure, and a client that retries gets its answer.
            await other.chat.completions.create(model="auto", messages=say("x"))
            patient = client.with_options(max_retries=3)
            await patient.chat.completions.create(model="auto", messages=say("x"))
        counted = limited.value("zeta_gateway_requests_total", **route, status="429")
        assert counted >= len(limits)


async def test_only_so_many_wait(system: System) -> None:
    system.sims["one"].set_profile({"hang_rate": 1.0})
    try:
        async with gateway(system.settings, max_waiting=2) as small, small.client() as client:
            asking = [
                asyncio.create_task(
                    client.chat.completions.create(model="one", messages=say("never"))
                )
                for _ in range(2)
            ]
            await until(lambda: small.value("zeta_gateway_waiting") == 2, "both wait")
            with pytest.raises(openai.RateLimitError) as limit:
                await client.chat.completions.create(model="one", messages=say("x"))
            assert limit.value.code == "too_many_waiting"
            for task in asking:
                task.cancel()
            await until(lambda: small.value("zeta_gateway_waiting") == 0, "both are forgotten")
            assert small.value("zeta_gateway_cancelled_total") == 2
    finally:
        system.sims["one"].set_profile({"hang_rate": 0.0})


async def test_a_client_that_leaves_cancels_its_query(system: System, served: Served) -> None:
    cancelled = await system.topic("cancellations", Cancellation)
    system.sims["one"].set_profile({"tokens_per_s": 2.0})
    try:
        async with served.client() as client:
            raw = await client.chat.completions.with_raw_response.create(
                model="one", messages=say(WORDS), stream=True
            )
            stream = raw.parse()
            texts = []
            async for event in stream:
                texts.append(event.choices[0].delta.content or "")
                if "".join(texts):
                    break
            assert served.value("zeta_gateway_waiting") == 1
            await stream.close()
            name = raw.headers["x-zeta-query-id"]
            await cancelled.until(
                lambda events: name in {event.query_id for event in events}, "it is cancelled"
            )
            await until(lambda: served.value("zeta_gateway_waiting") == 0, "it is forgotten")
            sim = system.sims["one"]
            await until(lambda: sim.counters()["in_service"] == 0, "the model is let go", 4.0)
    finally:
        system.sims["one"].set_profile({"tokens_per_s": 0.0})


async def test_feedback_has_its_givers_name(system: System, served: Served) -> None:
    given = await system.topic("feedback", Feedback)
    async with served.client() as client, httpx.AsyncClient(base_url=served.url) as http:
        answer = await client.chat.completions.create(model="auto", messages=say("x"))
        body = {"id": answer.id, "score": 0.25, "comment": "so so"}
        taken = await http.post("/v1/feedback", json=body, headers=bearer(BOB))
        both = {**body, "query_id": "x"}
        assert (await http.post("/v1/feedback", json=both, headers=bearer())).status_code == 400
    name = answer.id.removeprefix("chatcmpl-")
    assert (taken.status_code, taken.json()) == (
        202,
        {"object": "feedback", "query_id": name, "source": "bob"},
    )
    await given.until(lambda events: len(events) == 1, "the feedback")
    (found,) = given.events
    assert (found.query_id, found.score, found.source) == (name, 0.25, "bob")
    assert given.records[0].key == name.encode()


async def test_a_stop_lets_the_waiting_finish(system: System) -> None:
    system.sims["one"].set_profile({"latency": {"median_s": 1.0}})
    try:
        async with gateway(system.settings) as ending, ending.client() as client:
            whole = asyncio.create_task(
                client.chat.completions.create(model="one", messages=say("whole"))
            )
            await until(lambda: ending.value("zeta_gateway_waiting") == 1, "it waits")
            stopping = asyncio.create_task(stop(ending.app))
            answer = await whole
            await stopping
            assert answer.choices[0].message.content == "whole"
            with pytest.raises(openai.APIConnectionError):
                await client.chat.completions.create(model="one", messages=say("x"))
    finally:
        system.sims["one"].set_profile({"latency": {"median_s": 0.005}})
