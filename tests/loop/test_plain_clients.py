"""Clients that know nothing of Zeta: kcat, and Kafka's own console tools."""

from __future__ import annotations

import json

from schemas.query import Query
from schemas.response import Response
from streams.broker import tool_command
from tests.loop.commands import run
from tests.loop.system import System
from tests.loop.watching import answered

LINE = b'{"query_id": "%s", "task": "code", "prompt": "20 + 22"}\n'


async def serving(system: System) -> None:
    await system.chat_sim("only")
    await system.prepare()
    await system.run("router", "worker-only")


async def test_kcat_asks_and_reads_the_answer(system: System) -> None:
    await serving(system)
    broker = ("kcat", "-q", "-b", system.bootstrap)
    done = await run(*broker, "-P", "-t", f"{system.prefix}queries", stdin=LINE % b"from-kcat")
    assert (done.code, done.err) == (0, "")
    # Without an id, a record gets one from its place.
    anonymous = b'{"prompt": "1 + 2"}\n'
    done = await run(*broker, "-P", "-t", f"{system.prefix}queries", "-p", "1", stdin=anonymous)
    assert done.code == 0
    responses = await system.topic("responses", Response)
    await responses.until(lambda rows: len(rows) == 2, "both answers")
    read = await run(*broker, "-C", "-t", f"{system.prefix}responses", "-o", "beginning", "-e")
    assert read.code == 0
    answers = {row["query_id"]: row["text"] for row in read.json()}
    assert answers.pop("from-kcat") == "42"
    ((query_id, text),) = answers.items()
    assert query_id.startswith("queries-1-")
    assert text == "3"


async def test_kafkas_console_tools_ask_and_read_the_answer(system: System) -> None:
    await serving(system)
    where = ("--bootstrap-server", system.bootstrap, "--topic")
    producer = "org.apache.kafka.tools.ConsoleProducer"
    done = await run(
        *tool_command(producer, *where, f"{system.prefix}queries"), stdin=LINE % b"from-java"
    )
    assert done.code == 0, done.err
    responses = await system.topic("responses", Response)
    await responses.until(answered("from-java"), "an answer")
    consumer = "org.apache.kafka.tools.consumer.ConsoleConsumer"
    topic = f"{system.prefix}responses"
    read = await run(
        *tool_command(consumer, *where, topic, "--from-beginning", "--max-messages", "1")
    )
    assert read.code == 0, read.err
    answer = json.loads(read.out.splitlines()[0])
    assert (answer["query_id"], answer["text"]) == ("from-java", "42")


async def test_a_client_that_partitions_by_another_hash_is_served(system: System) -> None:
    await serving(system)
    responses = await system.topic("responses", Response)
    for partition in range(system.settings.kafka.partitions):
        query = Query(query_id=f"p{partition}", session="one session", prompt="1 + 1", task="code")
        await system.put("queries", query, key=b"one session", partition=partition)
    await responses.until(answered("p0", "p1"), "answers")
