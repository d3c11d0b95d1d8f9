"""Whatever a client writes to whatever topic: the next good query is answered, nothing is lost."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import TopicPartition

from schemas.assignment import Assignment
from schemas.control import Control
from schemas.dead_letter import DeadLetter
from schemas.metric import Metric
from schemas.query import Query
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from schemas.tick import Tick
from schemas.window_score import ModelSummary, WindowScore
from schemas.wire import WireError, decode, encode
from tests.loop.commands import zeta
from tests.loop.raw_batches import bomb, send, send_with_name
from tests.loop.system import System, chat, system_at
from tests.loop.watching import Topic, answered, by_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEGABYTE = 1024 * 1024
RAISED = 40 * MEGABYTE
DAY_MS = 86_400_000
FAR_AT = 2**62
READ = (
    *("queries", "reroutes", "responses", "feedback", "metrics", "scores", "controls", "rules"),
    *("model-status", "models.only"),
)
"""Every topic that a role here reads."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


async def _half_a_pair(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A model server whose JSON has half a surrogate pair, and a count below zero."""
    await reader.read(65_536)
    body = rb'{"choices":[{"index":0,"message":{"role":"assistant","content":"a\ud83d"},'
    body += b'"finish_reason":"stop"}],"usage":{"prompt_tokens":-1}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(kafka_bootstrap: str, folder: Path) -> AsyncIterator[System]:
    """The whole loop, for all tests of this file."""
    odd = await asyncio.start_server(_half_a_pair, "127.0.0.1", 0)
    port = odd.sockets[0].getsockname()[1]
    async with odd, system_at(kafka_bootstrap, f"h{uuid4().hex[:10]}-", folder) as system:
        await system.chat_sim("only")
        system.tables["models.odd"] = chat(f"http://127.0.0.1:{port}")
        system.tables["tasks.code"] = {"needs": "chat", "prior": {"only": 1.0}}
        system.tables["routing"]["exploration"] = 0.0
        await system.prepare()
        await _raise_limit(system, "queries")
        roles = ("router", "worker-only", "worker-odd", "grader", "aggregator", "tuner")
        await system.run(*roles)
        yield system


async def _raise_limit(system: System, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=system.bootstrap)
    await admin.start()
    try:
        configs = {
            "max.message.bytes": str(RAISED),
            "message.timestamp.type": "LogAppendTime",
        }
        where = ConfigResource(ConfigResourceType.TOPIC, system.prefix + topic, configs)
        await admin.alter_configs([where])
    finally:
        await admin.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def letters(running: System) -> Topic[DeadLetter]:
    return await running.topic("dead-letters", DeadLetter)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def responses(running: System) -> AsyncIterator[Topic[Response]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=running.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    consumer.assign([TopicPartition(f"{running.prefix}responses", number) for number in (0, 1)])
    topic = _Readable(Response, consumer)
    yield topic
    await topic.close()


class _Readable(Topic[Response]):
    """The responses among what is written there."""

    async def _read(self) -> None:
        while True:
            for records in (await self._consumer.getmany(timeout_ms=50)).values():
                for record in records:
                    with suppress(WireError):
                        self.events.append(decode(Response, record.value))


def query(**fields: Any) -> bytes:
    """A good query, but for ``fields``."""
    return msgspec.json.encode({"task": "code", "prompt": "1 + 1", "models": ["only"], **fields})


async def served(system: System, responses: Topic[Response], after: str) -> None:
    """A good query on each partition is answered."""
    for partition in (0, 1):
        query_id = f"after {after} {partition}"
        await system.put("queries", query(query_id=query_id), partition=partition)
        await _until(responses, query_id)
        answer = by_id(responses.events)[query_id]
        assert answer.text == "2", answer


async def _until(responses: Topic[Response], *query_ids: str) -> None:
    await responses.until(answered(*query_ids), f"answers to {query_ids}", 30)


async def test_bytes_that_the_client_library_cannot_read(
    running: System, letters: Topic[DeadLetter], responses: Topic[Response]
) -> None:
    """A header's name that isn't UTF-8 made every reader of its topic fail for ever."""
    for topic in READ:
        where = running.prefix + topic
        await send_with_name(running._producer, where, b"no event", b"\xff\xfe\x80name\xff")
    by_name = query(query_id="by name")
    await send_with_name(
        running._producer, running.prefix + "queries", by_name, b"\xffname=\xff\xff"
    )
    await _until(responses, "by name")
    await served(running, responses, "names")
    stages = {"queries", "reroutes", "responses", "feedback", "metrics", "scores", "controls"}
    await letters.until(
        lambda all_: stages <= {one.topic for one in all_ if one.value == b"no event"}, "letters"
    )
    letter = next(one for one in letters.events if one.topic == "feedback")
    assert [header.name for header in letter.headers] == [r"\xff\xfe\x80name\xff"]


async def test_a_batch_that_unpacks_to_gigabytes(
    running: System, letters: Topic[DeadLetter], responses: Topic[Response]
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await send(running._producer, running.prefix + "queries", 0, bomb(300 * MEGABYTE))
    await send(running._producer, running.prefix + "feedback", 0, bomb(100 * MEGABYTE))
    await served(running, responses, "bombs")
    await letters.until(
        lambda all_: {"queries", "feedback"} <= {one.topic for one in all_ if _is_unread(one)},
        "letters of both",
    )
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < 100 * MEGABYTE


def _is_unread(letter: DeadLetter) -> bool:
    return [header.name for header in letter.headers] == ["zeta-unread"]


@pytest.mark.parametrize("content", [b"\xff", b'"\xff"', b'{"run":' + b"[" * 50_000, None])
async def test_headers_of_ours_with_anything_in_them(
    running: System, responses: Topic[Response], content: bytes | None
) -> None:
    """``zeta-replay`` is read by every role."""
    names = ("zeta-replay", "zeta-partition", "zeta-redrive", "zeta-redrives")
    headers = [(name, content) for name in names]
    for topic in READ:
        await running.put(topic, b"no event", key=b"", partition=0, headers=headers)
        await running.put(topic, None, key=b"\xff", partition=0, headers=headers)  # a tombstone
    query_id = f"with {content!r}"[:200]
    await running.put("queries", query(query_id=query_id), partition=0, headers=headers)
    await _until(responses, query_id)
    await served(running, responses, repr(content)[:99])


async def test_more_headers_than_a_dead_letter_holds(
    running: System, letters: Topic[DeadLetter], responses: Topic[Response]
) -> None:
    headers = [("", b"")] * 10_000
    many = query(query_id="many headers")
    await running.put("queries", many, partition=0, headers=headers)
    await _until(responses, "many headers")
    sent = await running.put("feedback", b"no event", partition=0, headers=headers * 25)
    await letters.until(lambda all_: any(one.cut for one in all_), "a letter that names it")
    cut = [one for one in letters.events if one.cut]
    assert len(cut) == 1, [(x.topic, x.offset, x.partition, x.stage, x.failed_at) for x in cut]
    (letter,) = cut
    assert (letter.topic, letter.offset, letter.headers) == ("feedback", sent.offset, [])
    await served(running, responses, "headers")


async def test_a_record_above_the_limit_is_refused_or_dead_lettered(
    running: System, letters: Topic[DeadLetter], responses: Topic[Response]
) -> None:
    with pytest.raises(MessageSizeTooLargeError):
        await running.put("feedback", b" " * (2 * MEGABYTE))
    running._producer._max_request_size = RAISED
    sent = await running.put("queries", query(query_id="huge", prompt="x" * (RAISED - 4096)))
    await letters.until(lambda all_: _at(all_, "queries", sent.offset, sent.partition), "a letter")
    await _until(responses, "huge")
    error = by_id(responses.events)["huge"].error
    assert error is not None
    assert error.kind == "invalid"
    assert "kafka.max_record_bytes" in error.message
    await served(running, responses, "a huge one")


def _at(all_: Any, topic: str, offset: int, partition: int) -> bool:
    return any((one.topic, one.offset, one.partition) == (topic, offset, partition) for one in all_)


HOSTILE_QUERIES: dict[str, tuple[bytes, str]] = {
    "endless time limit": (query(query_id="endless time limit", time_limit_s=1e306), "2"),
    "session of a megabyte": (query(query_id="session of a megabyte", session="s" * 900_000), ""),
    "reply_to of a megabyte": (
        query(query_id="reply_to of a megabyte", reply_to="r" * 900_000),
        "",
    ),
    "just fits": (query(query_id="just fits", models=["odd"], prompt="x" * 1_046_900), "a�"),
    "half a pair": (query(query_id="half a pair", models=["odd"]), "a�"),
    "integers of 99 digits": (
        query(query_id="integers of 99 digits", reference={"kind": "exact", "value": 10**99}),
        "2",
    ),
    "the same key twice": (
        b'{"query_id":"x","query_id":"the same key twice","prompt":"1 + 1","models":["only"]}',
        "2",
    ),
    "1e999": (b'{"query_id":"1e999","prompt":"1 + 1","time_limit_s":1e999}', ""),
    "id\x1b[2J\n../..": (query(query_id="id\x1b[2J\n../.."), "2"),
    "schema $schema": (
        query(
            query_id="schema $schema", reference={"kind": "json_schema", "value": {"$schema": []}}
        ),
        "2",
    ),
}


async def test_hostile_queries(running: System, responses: Topic[Response]) -> None:
    for value, _ in HOSTILE_QUERIES.values():
        await running.put("queries", value, partition=0)
    await served(running, responses, "queries")
    ids = [name for name in HOSTILE_QUERIES if name != "1e999"]
    await _until(responses, *ids)
    for name in ids:
        answer = by_id(responses.events)[name]
        wanted = HOSTILE_QUERIES[name][1]
        assert (answer.text or "") == wanted, (name, answer)
        assert (answer.error is None) == bool(wanted)


async def test_an_id_that_is_used_again_is_answered_each_time(
    running: System, responses: Topic[Response]
) -> None:
    texts = ["1 + 1", "20 + 2", "1 + 1"]
    for number, text in enumerate(texts):
        await running.put("queries", query(query_id="again", prompt=text), partition=number % 2)

    def said(all_: Any) -> list[str]:
        return sorted(one.text or "" for one in all_ if one.query_id == "again")

    await responses.until(lambda all_: len(said(all_)) == 3, "three answers")
    assert said(responses.events) == ["2", "2", "22"]


async def test_reroutes_that_would_wait_for_ever(
    running: System, responses: Topic[Response]
) -> None:
    for number in range(3):
        forever = Assignment(
            query=Query(query_id=f"forever {number}", prompt="1 + 1", models=["only"]),
            task="code" if number else "gone",
            attempt=2,
            asked_at=0,
            deadline_at=FAR_AT,
            not_before_at=FAR_AT,
        )
        await running.put("reroutes", forever, partition=0)
    await _until(responses, "forever 0", "forever 1", "forever 2")
    assert by_id(responses.events)["forever 1"].text == "2"


async def test_clocks_that_are_wrong_and_sums_that_cannot_be(
    running: System, letters: Topic[DeadLetter], responses: Topic[Response]
) -> None:
    """Nobody's window is closed by them, and rules go on being made."""
    rules = await running.topic("rules-log", RoutingRule)
    metric = Metric(
        query_id="m",
        attempt=1,
        model="only",
        task="code",
        kind="outcome",
        ok=True,
        response_time_s=1e300,
        decided_at=0,
        observed_at=0,
    )
    wide = WindowScore(
        task="code", partition=1, partitions=2**63 - 1, window_start_at=1, window_end_at=2
    )
    bad: list[tuple[str, Any]] = [
        *(("metrics", msgspec.structs.replace(metric, observed_at=at)) for at in _ahead()),
        *(("metrics", Tick(ticked_at=at)) for at in _ahead()),
        ("scores", wide),
        ("scores", msgspec.structs.replace(wide, partitions=2, window_end_at=FAR_AT)),
        ("scores", msgspec.structs.replace(wide, partitions=2, models={"only": _IMPOSSIBLE})),
        ("controls", _control(running, candidates=[])),
        ("controls", _control(running, policy="none")),
        ("controls", _control(running, sharpness=1e300)),
    ]
    known = len(letters.events)
    for topic, event in bad:
        await running.put(topic, event, key=b"bad", partition=0)
    for observed_at in (0, 1, 10**12):  # long ago: counted as late, in the open window
        past = msgspec.structs.replace(metric, query_id=f"p{observed_at}", observed_at=observed_at)
        await running.put("metrics", past, partition=0)
    await letters.until(
        lambda all_: sum(one.key == b"bad" for one in all_[known:]) == len(bad), "all refused"
    )
    versions = len(rules.events)
    await served(running, responses, "clocks")
    await rules.until(lambda all_: len(all_) > versions, "a rule of the windows after it")


_IMPOSSIBLE = ModelSummary(outcomes=1, errors=2, judgements=1, trust_micro=5, accuracy_micro=9)


def _ahead() -> tuple[int, ...]:
    now = int(time.time() * 1000)
    return (now + DAY_MS, now + 365 * DAY_MS, FAR_AT)


def _control(system: System, **changes: Any) -> Control:
    configuration = system.settings.routing_configuration("code")
    changed = msgspec.structs.replace(configuration, **changes)
    return Control(task="code", action="configure", configuration=changed, issued_at=FAR_AT)


async def test_names_without_end_in_metrics(
    running: System, letters: Topic[DeadLetter], responses: Topic[Response]
) -> None:
    """A part of a window with them all would not fit into a record."""
    metric = Metric(
        query_id="m",
        attempt=1,
        model="only",
        task="code",
        kind="judgement",
        grader="g",
        accuracy=1.0,
        decided_at=0,
        observed_at=0,
    )
    many = [
        msgspec.structs.replace(metric, query_id=str(n), **{field: f"{n} " + "\x00" * 200})
        for n in range(3000)  # enough to fill a window of a quarter of a second
        for field in ("model", "pool", *(["task"] if n < 100 else []))
    ]
    await running.put_all("metrics", many, partition=0)
    await letters.until(lambda all_: any("has no room for" in one.error for one in all_), "letters")
    await served(running, responses, "names without end")


async def test_send_names_the_line_and_the_limit_and_sends_the_others(
    running: System, folder: Path
) -> None:
    file = folder / "queries.jsonl"
    with file.open("wb") as out:
        out.write(query(prompt="1 + 1") + b"\n" + b'{"prompt":"')
        for _ in range(100):
            out.write(b"x" * MEGABYTE)
        out.write(b'"}\n' + query(prompt="20 + 2") + b"\n")
    answers = folder / "answers.jsonl"
    done = await zeta(running.file, "send", str(file), "--output", str(answers), "--json")
    assert done.code == 1
    assert f"{file}:2: a query of 104857614 bytes" in done.err.replace("\n", "")
    assert "kafka.max_record_bytes (1048576)" in done.err.replace("\n", " ")
    texts = sorted(msgspec.json.decode(line)["text"] for line in answers.read_bytes().splitlines())
    assert texts == ["2", "22"]


async def test_what_a_stranger_wrote_is_nothing_for_a_terminal_to_obey(running: System) -> None:
    said = "\x9b2J\x1b[31m\u202e"
    await running.put("chunks", encode(Query(query_id="q", prompt=said)), headers=[("h", None)])
    done = await zeta(running.file, "tail", "chunks", "--meta", "--from-beginning", "--no-follow")
    assert done.code == 0
    assert not any(char in done.out for char in "\x9b\x1b\u202e")
    assert done.json()[-1]["value"]["prompt"] == said
