"""The HTTP side alone: what comes from Kafka is put in by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp.test_utils import TestServer
from aiokafka.structs import ConsumerRecord
from prometheus_client import CollectorRegistry

from agents.serving import streaming
from agents.serving.answers import Answers
from agents.serving.application import application
from agents.serving.front import Front
from agents.serving.keys import Keys
from agents.serving.limits import Limits
from agents.serving.meters import GatewayMeters
from agents.serving.refusals import Refusal
from agents.serving.sending import Sender
from agents.serving.waiting import MOST_PIECES, Waiter, Waiting
from schemas.assignment import Decision
from schemas.chunk import Chunk
from schemas.response import AnswerError, Response, Usage
from schemas.wire import Event, encode
from streams.settings import Gateway, Kafka, Model, Settings, Task
from streams.tracing import Tracing
from tests.loop.watching import until

SETTINGS = Settings(
    kafka=Kafka(max_record_bytes=10_000),
    models={"m": Model(endpoint="http://h", protocol="tgi", serves=["chat"])},
    tasks={"reasoning": Task()},
    gateway=Gateway(),
)
BODY = {"model": "auto", "messages": [{"role": "user", "content": "x"}]}
STREAMED = {**BODY, "stream": True}
PATH = "/v1/chat/completions"
DECISION = Decision(
    model="m",
    task="reasoning",
    kind="forced",
    eligible=["m"],
    propensities={"m": 1.0},
    rule_version=3,
    reason="",
    decided_at=1,
)


class Noting(Sender):
    """Sends nothing, but notes what it should have."""

    def __init__(self) -> None:
        super().__init__(SETTINGS.kafka, client_id="test")
        self.sent: list[tuple[str, Event, str]] = []
        self.away = False

    async def send(self, topic: str, event: Event, *, key: str) -> None:
        if self.away:
            raise Refusal(503, "not_sent", "away")
        self.sent.append((topic, event, key))

    def send_later(self, topic: str, event: Event, *, key: str) -> None:
        self.sent.append((topic, event, key))

    def topics(self) -> list[str]:
        return [topic for topic, _, _ in self.sent]


@dataclass
class Desk:
    """A gateway's HTTP side."""

    front: Front
    sender: Noting
    http: httpx.AsyncClient
    asked: list[str] = field(default_factory=list)

    async def query_id(self) -> str:
        """The id of the query that was sent last and that nobody here has asked for yet."""
        await until(lambda: len(self.sender.topics()) > len(self.asked), "a query", 5)
        self.asked.append(self.sender.sent[len(self.asked)][2])
        return self.asked[-1]

    def put(
        self, topic: str, event: Chunk | Response, address: str | None = "me", key: str = ""
    ) -> None:
        """A record, as if it had been read; ``key`` is the query's id unless one is given."""
        headers = [] if address is None else [("reply_to", address.encode())]
        record = ConsumerRecord(
            topic, 0, 0, 0, 0, (key or event.query_id).encode(), encode(event), None, 0, 0, headers
        )
        self.front.answers.take(topic, [record])

    def chunk(self, query_id: str, number: int, text: str, **fields: Any) -> None:
        decision = DECISION if number == 0 else None
        given = {"attempt": 1, "model": "m", "decision": decision, **fields}
        self.put("chunks", Chunk(query_id=query_id, number=number, text=text, **given))

    def respond(self, query_id: str, text: str | None, **fields: Any) -> None:
        given = {"model": "m", "answered_at": 1, "attempt": 1, "decision": DECISION, **fields}
        self.put("responses", Response(query_id=query_id, text=text, **given))


@asynccontextmanager
async def desk(
    settings: Settings = SETTINGS, *, keys: dict[str, str] | None = None
) -> AsyncIterator[Desk]:
    waiting = Waiting(settings.gateway.max_waiting, settings.kafka.max_record_bytes)
    sender = Noting()
    front = Front(
        settings=settings,
        address="me",
        keys=Keys(keys or {}),
        limits=Limits(0),
        waiting=waiting,
        answers=Answers(settings.kafka, "me", waiting),
        sender=sender,
        meters=GatewayMeters(CollectorRegistry(), lambda: len(waiting)),
        tracing=Tracing(),
        now_ms=lambda: 5000,
        started_at=5000,
    )
    server = TestServer(application(front), host="127.0.0.1")
    await server.start_server()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:
        try:
            yield Desk(front, sender, http)
        finally:
            await server.close()


def events(text: str) -> list[Any]:
    """The data of a stream's events; the last is the end's own word."""
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data:")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def said(text: str) -> str:
    parts = [event for event in events(text) if event != "[DONE]" and event.get("choices")]
    return "".join(part["choices"][0]["delta"].get("content", "") for part in parts)


async def test_the_answer_may_come_before_its_last_pieces() -> None:
    async with desk() as at:
        asking = asyncio.create_task(at.http.post(PATH, json=STREAMED))
        name = await at.query_id()
        at.chunk(name, 0, "a ")
        at.chunk(name, 0, "a ")
        at.respond(name, "a whole answer", finish_reason="length")
        at.chunk(name, 1, "whole ")
        reply = await asking
    assert said(reply.text) == "a whole answer"
    *_, last, done = events(reply.text)
    assert (last["choices"][0]["finish_reason"], done) == ("length", "[DONE]")
    assert reply.headers["x-zeta-rule-version"] == "3"
    assert at.sender.topics() == ["queries"]


async def test_records_of_others_are_not_taken() -> None:
    async with desk() as at:
        asking = asyncio.create_task(at.http.post(PATH, json=BODY))
        name = await at.query_id()
        for address in ("you", None):
            other = Response(query_id=f"{name}x", text="other", answered_at=1)
            at.put("responses", other, address)
        mine = Response(query_id=name, text="not mine", answered_at=1)
        at.put("responses", mine, "you")
        keyed = Response(query_id="other", text="under my key", answered_at=1)
        at.put("responses", keyed, None, key=name)
        at.put("responses", Response(query_id=name, text="mine", answered_at=1), None)
        reply = await asking
    assert reply.json()["choices"][0]["message"]["content"] == "mine"
    assert reply.json()["created"] == 5


async def test_an_error_has_its_status_before_the_stream_and_an_event_in_it() -> None:
    error = AnswerError(kind="overloaded", message="too much")
    async with desk() as at:
        asking = asyncio.create_task(at.http.post(PATH, json=STREAMED))
        at.respond(await at.query_id(), None, error=error)
        before = await asking
        asking = asyncio.create_task(at.http.post(PATH, json=STREAMED))
        name = await at.query_id()
        at.chunk(name, 0, "a ")
        await asyncio.sleep(0)
        at.respond(name, None, error=error)
        within = await asking
    assert (before.status_code, before.json()["error"]["code"]) == (503, "overloaded")
    assert before.headers["x-zeta-model"] == "m"
    assert within.status_code == 200
    assert events(within.text)[-1]["error"]["code"] == "overloaded"
    assert said(within.text[: within.text.index('data: {"error')]) == "a "


async def test_an_answer_that_differs_from_what_was_told_is_an_error() -> None:
    async with desk() as at:
        asking = asyncio.create_task(at.http.post(PATH, json=STREAMED))
        name = await at.query_id()
        at.chunk(name, 0, "one ")
        at.chunk(name, 0, "two ", attempt=2)
        at.respond(name, "two three")
        found = events((await asking).text)
    assert found[-1]["error"]["code"] == "interrupted"


async def test_headers_go_after_a_while_and_the_stream_is_kept_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "HEADERS_AFTER_S", 0.05)
    monkeypatch.setattr(streaming, "KEEP_ALIVE_S", 0.05)
    async with desk() as at, at.http.stream("POST", PATH, json=STREAMED) as reply:
        assert "x-zeta-query-id" in reply.headers
        assert "x-zeta-model" not in reply.headers
        lines = reply.aiter_lines()
        while not (await anext(lines)).startswith(":"):
            pass
        name = await at.query_id()
        at.respond(name, "late", usage=Usage(prompt_tokens=1, completion_tokens=1))
        rest = [line async for line in lines if line]
    assert "late" in "".join(rest)
    assert rest[-1] == "data: [DONE]"


async def test_tool_calls_come_whole() -> None:
    calls = [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]
    body = {**STREAMED, "stream_options": {"include_usage": True}}
    async with desk() as at:
        asking = asyncio.create_task(at.http.post(PATH, json=body))
        at.respond(await at.query_id(), None, tool_calls=calls)
        role, called, finish, counts, done = events((await asking).text)
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    (call,) = called["choices"][0]["delta"]["tool_calls"]
    assert (call["index"], call["id"], call["function"]["name"]) == (0, "c", "f")
    assert finish["choices"][0]["finish_reason"] == "tool_calls"
    assert (role["usage"], counts["usage"], counts["choices"], done) == (None, None, [], "[DONE]")


@pytest.mark.parametrize("body", [BODY, STREAMED])
async def test_a_client_that_leaves_leaves_nothing(body: dict[str, Any]) -> None:
    async with desk() as at:
        asking = asyncio.create_task(at.http.post(PATH, json=body))
        name = await at.query_id()
        asking.cancel()
        await until(lambda: len(at.front.waiting) == 0, "it is forgotten", 5)
        at.respond(name, "too late")
        assert at.sender.topics() == ["queries", "cancellations"]
        assert at.sender.sent[1][2] == name


async def test_what_could_not_be_sent_is_told_and_forgotten() -> None:
    async with desk() as at:
        at.sender.away = True
        reply = await at.http.post(PATH, json=BODY)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_sent")
        assert len(at.front.waiting) == 0


async def test_time_that_is_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.serving.front.GRACE_S", 0.0)
    async with desk() as at:
        reply = await at.http.post(PATH, json=BODY, headers={"x-zeta-time-limit-s": "0.05"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "deadline")
        assert at.sender.topics() == ["queries", "cancellations"]


async def test_an_end_sends_those_that_wait_away() -> None:
    async with desk() as at:
        asking = asyncio.create_task(at.http.post(PATH, json=BODY))
        await at.query_id()
        at.front.waiting.close()
        waited, came = await asking, await at.http.post(PATH, json=BODY)
        for reply in (waited, came):
            assert (reply.status_code, reply.json()["error"]["code"]) == (503, "shutting_down")
            assert reply.headers["Retry-After"] == "1"


async def test_a_slow_readers_pieces_are_bounded_and_none_is_lost() -> None:
    waiter = Waiter(stream=True, most=10_000, until_s=0)
    text = [f"{number} " for number in range(2 * MOST_PIECES)]
    for number, piece in enumerate(text):
        chunk = Chunk(query_id="q", attempt=1, number=number, text=piece, model="m")
        waiter.put_chunk(chunk)
        if number == 3 * MOST_PIECES // 2:  # it reads again, but what was dropped is missing
            said = waiter.pieces()
    assert said == "".join(text[:MOST_PIECES])
    assert waiter.pieces() == ""
    assert said + waiter.telling.rest("".join(text)) == "".join(text)


async def test_a_stream_of_more_than_an_answer_can_have_is_told_no_further() -> None:
    waiter = Waiter(stream=True, most=10, until_s=0)
    for number in range(5):
        waiter.put_chunk(Chunk(query_id="q", attempt=1, number=number, text="four", model="m"))
    assert waiter.pieces() == "fourfour"


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b"x" * 10_001, {}, 413, "request_too_large"),
        (json.dumps({**BODY, "user": "x" * 9_950}).encode(), {}, 413, "request_too_large"),
        (b"{", {}, 400, "invalid_json"),
        (b"{}", {"Content-Encoding": "gzip"}, 400, "invalid_body"),
        (json.dumps(BODY).encode(), {"Host": "evil.example"}, 403, "wrong_host"),
        (json.dumps(BODY).encode(), {"x-zeta-task": "none"}, 400, "invalid_value"),
    ],
)
async def test_bodies_that_are_refused(
    content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    async with desk() as at:
        given = {"Content-Type": "application/json", **headers}
        reply = await at.http.post(PATH, content=content, headers=given)
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
        assert at.sender.sent == []


async def test_a_body_without_a_length_is_bounded_too() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1000

    async with desk() as at:
        reply = await at.http.post(
            PATH, content=pieces(), headers={"Content-Type": "application/json"}
        )
        assert reply.status_code == 413


async def test_paths_and_methods_that_are_not_there() -> None:
    async with desk(keys={"ann": "0123456789abcdef"}) as at:
        shown = {"Authorization": "Bearer 0123456789abcdef"}
        missing = await at.http.get("/v1/none", headers=shown)
        wrong = await at.http.get(PATH, headers=shown)
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
        assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")
        assert (await at.http.get("/v1/models")).status_code == 401
        assert (await at.http.get("/openapi.json")).status_code == 401
        assert (await at.http.get("/healthz")).status_code == 200
        unready = await at.http.get("/readyz")
        assert (unready.status_code, unready.json()["ready"]) == (503, False)
