"""Records that are no queries: kept whole, answered where possible, and in nobody's way."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from schemas.assignment import Assignment, Decision
from schemas.dead_letter import DeadLetter
from schemas.query import Query
from schemas.response import Response
from tests.loop.system import System, system_at
from tests.loop.watching import Topic, answered, by_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADERS = [("trace", b"\x00\xff"), ("trace", b"again"), ("empty", b"")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad-input")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(kafka_bootstrap: str, folder: Path) -> AsyncIterator[System]:
    """A router and a worker, for all tests of this file."""
    async with system_at(kafka_bootstrap, f"{folder.name}-", folder) as system:
        await system.chat_sim("only")
        await system.prepare()
        await system.run("router", "worker-only")
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def letters(running: System) -> Topic[DeadLetter]:
    return await running.topic("dead-letters", DeadLetter)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def responses(running: System) -> Topic[Response]:
    return await running.topic("responses", Response)


def query(**fields: Any) -> bytes:
    """A good query of this id, but for ``fields``."""
    return msgspec.json.encode({"task": "code", "prompt": "1 + 1", **fields})


BAD: dict[str, tuple[bytes | None, str, bool]] = {
    "not JSON": (b"hello \xf0\x9f", "malformed", False),
    "not UTF-8": (b'{"query_id": "\xff\xfe", "prompt": "x"}', "utf-8", False),
    "empty value": (b"", "empty value", False),
    "no value": (None, "empty value", False),
    "not an object": (b"[1, 2]", "Expected `object`", False),
    "not a query": (query(prompt=None), "exactly one of prompt, messages and input", True),
    "prompt and input": (query(input="x"), "got prompt and input", True),
    "unknown task": (query(task="poetry"), "unknown task 'poetry'; one of code", True),
    "negative time limit": (query(time_limit_s=-1), "time_limit_s", True),
    "time limit 0": (query(time_limit_s=0), "time_limit_s", True),
    "prompt is a number": (query(prompt=7), "Expected `str", True),
    "messages empty": (query(prompt=None, messages=[]), "messages", True),
    "unknown role": (query(prompt=None, messages=[{"role": "x"}]), "role", True),
    "id too long": (b'{"query_id": "%s", "prompt": "x"}' % (b"i" * 600), "query_id", False),
    "input for a chat task": (query(prompt=None, input="x"), "needs a chat model", True),
    "unknown model": (query(models=["gpt"]), "model 'gpt' can't serve", True),
    "deep nesting": (
        b'{"prompt": "x", "reference": {"kind": "exact", "value": ' + b"[" * 100_000,
        "recursion",
        False,
    ),
    "too large for its envelope": (query(prompt="x" * 1_048_200), "exceeds", True),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_bad_record_is_kept_whole_and_the_next_is_served(
    running: System, letters: Topic[DeadLetter], responses: Topic[Response], what: str
) -> None:
    value, reason, has_id = BAD[what]
    query_id, after = f"bad {what}", f"after {what}"
    if has_id:
        assert value is not None
        value = b'{"query_id": "%s", ' % query_id.encode() + value[1:]
    key = what.encode()
    sent = await running.put("queries", value, key=key, headers=HEADERS, partition=0)
    await running.put("queries", query(query_id=after), key=key, partition=0)
    await responses.until(answered(after), "the next record's answer")
    assert by_id(responses.events)[after].text == "2"
    await letters.until(lambda all_: any(key == letter.key for letter in all_), "dead letter")
    (letter,) = [letter for letter in letters.events if letter.key == key]
    assert letter.value == value
    assert [(header.name, header.value) for header in letter.headers] == HEADERS
    assert (letter.topic, letter.partition, letter.offset) == ("queries", 0, sent.offset)
    assert letter.timestamp_at == sent.timestamp
    assert letter.stage == "router"
    assert reason.lower() in letter.error.lower()
    assert letters.records[-1].key == key
    answers = [row for row in responses.events if row.query_id == query_id]
    assert len(answers) == has_id
    for answer in answers:
        assert answer.error is not None
        assert answer.error.kind == "invalid"
        assert reason.lower() in answer.error.message.lower()
        assert answer.decision is None, "no model is blamed for it"


async def test_a_large_prompt_is_served(running: System, responses: Topic[Response]) -> None:
    await running.ask(Query(query_id="large", prompt=" " * 900_000 + "1 + 2", task="code"))
    await responses.until(answered("large"), "an answer")
    assert by_id(responses.events)["large"].text == "3"


async def test_a_query_that_every_model_rejects_is_told_so_at_once(
    running: System, responses: Topic[Response]
) -> None:
    await running.ask(Query(query_id="long", prompt="a, " * 5000, task="code"))
    await responses.until(answered("long"), "an answer")
    answer = by_id(responses.events)["long"]
    assert answer.error is not None
    assert answer.error.kind == "rejected"
    assert "must have less than 4096 tokens" in answer.error.message
    assert answer.decision is None, "its model is blamed once, for the attempt, by its worker"


async def test_a_query_without_an_id_gets_one_from_its_place(
    running: System, responses: Topic[Response]
) -> None:
    sent = await running.put("queries", b'{"prompt": "20 + 2"}', partition=1)
    query_id = f"queries-1-{sent.offset}"
    await responses.until(answered(query_id), "an answer under the id of its place")
    answer = by_id(responses.events)[query_id]
    assert (answer.text, answer.task) == ("22", "code")


@pytest.mark.parametrize("topic", ["models.only", "reroutes"])
@pytest.mark.parametrize(
    "value",
    [b"not JSON", b"", b'{"query_id": "inner %s", "attempt": 1}'],
    ids=["not JSON", "empty", "no assignment"],
)
async def test_poison_within_the_loop_is_dead_lettered_too(
    running: System,
    letters: Topic[DeadLetter],
    responses: Topic[Response],
    topic: str,
    value: bytes,
) -> None:
    value = value.replace(b"%s", topic.encode())
    key = f"{topic} {value!r}".encode()
    await running.put(topic, value, key=key, headers=HEADERS, partition=0)
    await letters.until(lambda all_: any(key == letter.key for letter in all_), "dead letter")
    (letter,) = [letter for letter in letters.events if letter.key == key]
    assert (letter.value, letter.topic) == (value, topic)
    assert letter.stage == ("router" if topic == "reroutes" else "worker-only")
    after = f"after {key.decode()}"
    await running.ask(Query(query_id=after, prompt="1 + 1", task="code"))
    await responses.until(answered(after), "the next query's answer")
    if b"query_id" in value:
        await responses.until(answered(f"inner {topic}"), "an error answer")


@pytest.mark.parametrize("topic", ["models.only", "reroutes"])
async def test_an_assignment_for_a_task_of_other_settings_stops_nobody(
    running: System, letters: Topic[DeadLetter], responses: Topic[Response], topic: str
) -> None:
    query_id, now = f"sonnet {topic}", time.time_ns() // 1_000_000
    decision = Decision(
        task="poetry",
        model="only",
        kind="policy",
        eligible=["only"],
        propensities={"only": 1.0},
        rule_version=0,
        decided_at=now,
        reason="",
    )
    assignment = Assignment(
        query=Query(query_id=query_id, prompt="1 + 1"),
        task="poetry",
        decision=decision,
        attempt=1,
        asked_at=now,
        deadline_at=now + 60_000,
    )
    await running.put(topic, assignment, key=query_id.encode())
    await responses.until(answered(query_id), "an error answer")
    answer = by_id(responses.events)[query_id]
    assert answer.error is not None
    assert (answer.error.kind, answer.decision) == ("invalid", None)
    assert any(letter.key == query_id.encode() for letter in letters.events)
