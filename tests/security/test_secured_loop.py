"""Every role with only its own rows: the loop works, uses each of them, and no other is asked."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio
from aiokafka.errors import ClusterAuthorizationFailedError, TopicAuthorizationFailedError

from agents.acls_view import line
from schemas.dead_letter import DeadLetter
from schemas.feedback import Feedback
from schemas.metric import Metric
from schemas.query import Query, Reference
from schemas.response import Response
from schemas.routing_rule import RoutingRule
from streams.access import grants
from streams.admin import TopicRefusedError, create_topics, list_topics
from streams.broker import tool_command
from streams.settings import Kafka
from streams.tables import partitions_of
from streams.topics import topic_table
from tests.loop.archived import until_archived
from tests.loop.commands import one_line, run, zeta
from tests.loop.watching import until
from tests.security.acls import Use, audit
from tests.security.broker import MODELS, NOBODY, PREFIX, ROLES, Secured
from tests.security.denials import read_error, write_error
from tests.security.secured_system import SecuredSystem, ended, principal, secured_system

pytestmark = pytest.mark.asyncio(loop_scope="module")

POISONED = (
    "queries",
    "responses",
    "metrics",
    "scores",
    "controls",
    "feedback",
    "models.good",
    "models.plain",
)
STAGES = {"router", "grader", "aggregator", "tuner", "worker-good", "worker-plain"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    secure: Secured, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SecuredSystem]:
    """All roles, each a process with its own rights."""
    async with secured_system(secure, tmp_path_factory.mktemp("secured")) as made:
        await made.start(*ROLES)
        yield made


def queries() -> list[Query]:
    """Sums to be graded, half of them streamed."""
    return [
        Query(
            query_id=f"q{number}",
            task="code",
            prompt=f"{number} + 1",
            stream=number % 2 == 0,
            reference=Reference(kind="numeric", value=number + 1),
        )
        for number in range(40)
    ]


async def test_the_loop_uses_each_row_and_needs_no_other(running: SecuredSystem) -> None:
    system = running.system
    asked = queries()
    await system.ask(*asked)
    wanted = {query.query_id for query in asked}
    await running.until("responses", Response, lambda rows: wanted <= {x.query_id for x in rows})
    await running.until("rules-log", RoutingRule, lambda rows: any(x.window_end_at for x in rows))
    for partition in range(2):  # one of them isn't the answer's home
        given = Feedback(query_id="q1", score=1.0, source=f"p{partition}")
        await system.put("feedback", given, key=b"q1", partition=partition)
    await running.until(
        "metrics", Metric, lambda rows: {"feedback:p0", "feedback:p1"} <= {x.grader for x in rows}
    )
    for topic in POISONED:
        await system.put(topic, b'{"query_id": "poison", "prompt": 1}', partition=0)
    await running.until("dead-letters", DeadLetter, lambda rows: {x.stage for x in rows} >= STAGES)
    archive = system.directory / "archive"
    for topic in ("queries", "rules", "dead-letters"):
        await until_archived(archive, topic, 1)
    await read_stories(running, [*sorted(wanted), "nobody-asked-this"])
    await use_the_gateway(running)
    await until(lambda: not unused(running), "each row is used")
    assert not refused(running.secure.log, ROLES)


async def read_stories(running: SecuredSystem, query_ids: Iterable[str]) -> None:
    """Opens queries' stories on the dashboard: then it reads what it doesn't follow."""
    port = running.system.settings.dashboard.port
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        for query_id in query_ids:
            story = (await http.get(f"/api/queries/{query_id}")).raise_for_status().json()
            assert story["found"] == (query_id != "nobody-asked-this")


async def use_the_gateway(running: SecuredSystem) -> None:
    """An answer, a stream, a feedback, and clients that leave at once."""
    port = running.system.settings.gateway.port
    body = {"model": "auto:code", "messages": [{"role": "user", "content": "17 + 4"}]}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", timeout=20) as http:
        answer = (await http.post("/chat/completions", json=body)).raise_for_status().json()
        assert answer["choices"][0]["message"]["content"]
        stream = await http.post("/chat/completions", json={**body, "stream": True})
        assert "data: [DONE]" in stream.text
        feedback = {"id": answer["id"], "score": 1.0}
        (await http.post("/feedback", json=feedback)).raise_for_status()
        for _ in range(5):
            with contextlib.suppress(httpx.TimeoutException):
                await http.post("/chat/completions", json=body, timeout=0.002)


def unused(running: SecuredSystem) -> set[Use]:
    """Rows of the running roles that nobody has needed until now."""
    wanted = {
        Use(principal(role), operation.upper(), row.resource, row.name)
        for role in ROLES
        for row in grants(running.system.settings, role)
        for operation in row.operations
    }
    return wanted - audit(running.secure.log, "Allowed")


def refused(log: Path, roles: Iterable[str]) -> set[Use]:
    """What these roles tried and may not."""
    names = {principal(role) for role in roles}
    return {use for use in audit(log, "Denied") if use.principal in names}


async def test_an_answer_by_certificates_and_one_by_password(running: SecuredSystem) -> None:
    for sim in running.system.sims.values():
        sim.set_profile({"error_rate": 0.0})
    # The router and worker-plain show certificates, too.
    ask = ("ask", "17 + 4", "--task", "code", "--model", "plain")
    file = running.system.file
    who = running.certified("client"), running.named("client")
    for done in await asyncio.gather(*(zeta(file, *ask, **variables) for variables in who)):
        assert (done.code, done.out) == (0, "21\n"), done


DENIED = [
    ("worker-good", "write", "rules"),
    ("worker-good", "read", "models.plain"),
    ("worker-good", "read", "queries"),
    ("router", "read", "feedback"),
    ("router", "write", "rules"),
    ("client", "read", "dead-letters"),
    ("client", "write", "responses"),
    ("operator", "write", "rules"),
    ("admin", "read", "queries"),
]


@pytest.mark.parametrize(("role", "what", "topic"), DENIED)
async def test_a_role_may_not(running: SecuredSystem, role: str, what: str, topic: str) -> None:
    kafka = running.settings(role).kafka
    if what == "read":
        assert f"TopicAuthorizationFailedError('{PREFIX}{topic}')" == await read_error(kafka, topic)
    else:
        assert f"topic {PREFIX}{topic}:" in await write_error(kafka, topic)


async def test_who_has_no_row_can_do_nothing(running: SecuredSystem) -> None:
    kafka = Kafka(**running.secure.scram(NOBODY))
    settings = msgspec.structs.replace(running.system.settings, kafka=kafka)
    reports = await list_topics(settings)
    assert {report.state for report in reports} == {"missing"}
    assert all("may not be described by this principal" in x.differences[0] for x in reports)
    for topic in topic_table(MODELS):
        with pytest.raises(TopicAuthorizationFailedError, match=f"{PREFIX}{topic.name}$"):
            await partitions_of(kafka, PREFIX + topic.name)
    with pytest.raises(ClusterAuthorizationFailedError):
        await write_error(kafka, "queries")
    with pytest.raises(TopicRefusedError, match=f"{PREFIX}queries: .*uthoriz"):
        await create_topics(settings)


async def test_a_denied_command_says_so_in_one_line(running: SecuredSystem) -> None:
    file = running.system.file
    reads = zeta(file, "tail", "dead-letters", **running.named("client"))
    writes = zeta(file, "ask", "1 + 1", **running.named("archiver"))
    read, written = map(one_line, await asyncio.gather(reads, writes), (1, 1))
    assert f"topic {PREFIX}dead-letters: grant what `zeta topics acls` prints" in read
    assert "the right to write to any topic: grant what `zeta topics acls` prints" in written


async def test_a_printed_line_is_one_that_kafkas_tool_takes(
    running: SecuredSystem, tmp_path: Path
) -> None:
    (tmp_path / "admin.properties").write_text("")
    row = running.grant("tuner", "rules")
    text = line(
        row, "User:by tool", running.secure.broker.bootstrap, str(tmp_path / "admin.properties")
    )
    done = await run(*tool_command("org.apache.kafka.tools.AclCommand", *shlex.split(text)[1:]))
    assert done.code == 0, done
    assert await running.acls.has(row, "User:by tool")


async def test_a_role_that_may_not_answer_any_more_ends_and_loses_nothing(
    running: SecuredSystem,
) -> None:
    row, process = running.grant("worker-good", "responses"), running.processes["worker-good"]
    await running.acls.take(row, principal("worker-good"))
    query = Query(query_id="unsent", task="code", prompt="1 + 1", models=["good"])
    await running.system.ask(query)
    assert await ended(process) == 1
    assert f"topic {PREFIX}responses: grant what" in process.log.read_text()
    await running.acls.give([(row, principal("worker-good"))])
    await running.start("worker-good")
    await running.until("responses", Response, lambda x: "unsent" in {y.query_id for y in x})
