"""``zeta dead-letters``: seen, mended, sent back; killed in the middle, and nothing is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition
from typer.testing import CliRunner

from agents.cli import app
from schemas.dead_letter import DeadLetter
from schemas.query import Query
from schemas.response import Response
from streams.history import LoggedRecord, open_history
from streams.redrive.mark import COUNT, MARK, mark_of, redrives
from tests.loop.commands import Done, one_line
from tests.loop.system import ROOT, System
from tests.loop.watching import Topic, answered

HEADERS = [("trace", b"\x00\xff"), ("trace", b"again"), ("empty", b"")]
POISON = b'{"prompt": "\x1b[31m", nonsense \xff'
KEY = b"k\x1b]0;title\x07"
LETTERS = 300

METRIC = DeadLetter(
    topic="metrics",
    partition=0,
    offset=1,
    timestamp_at=0,
    stage="aggregator",
    error="a clock",
    failed_at=1,
)


def letter_for_queries(value: bytes, number: int = 0) -> DeadLetter:
    """A letter as a router would have written it."""
    return msgspec.structs.replace(
        METRIC, topic="queries", offset=number, value=value, stage="router", error="by hand"
    )


def statuses(done: Done) -> dict[str, str]:
    return {row["letter"]: row["status"] for row in done.json()}


async def on_queries(system: System) -> list[LoggedRecord]:
    """All records of ``queries``."""
    async with open_history(system.settings.kafka, ["queries"]) as log:
        return [
            record
            for partition in log.partitions("queries")
            async for records in log.read("queries", partition)
            for record in records
        ]


async def letters_command(system: System, *arguments: str) -> Done:
    """``zeta dead-letters``, in a thread of this process: it starts at once."""
    command = ["--config", str(system.file), "dead-letters", *arguments]
    done = await asyncio.to_thread(CliRunner().invoke, app, command)
    return Done(done.exit_code, done.stdout, done.stderr)


@dataclass
class Story:
    """A system with letters, and where two of them are."""

    system: System
    letters: Topic[DeadLetter]
    responses: Topic[Response]
    poison: str = ""
    poem: str = ""

    async def zeta(self, *arguments: str) -> Done:
        return await letters_command(self.system, *arguments)


async def test_letters_are_listed_shown_mended_and_sent_back(system: System) -> None:
    story = await _poisoned(system)
    await _list(story)
    await _show(story)
    await _mend(story)
    await _fail_again(story)


async def _poisoned(system: System) -> Story:
    """Poison, an unknown task, a record as large as its topic takes, a metric."""
    await system.chat_sim("only")
    await system.prepare()
    await system.run("router", "worker-only")
    letters = await system.topic("dead-letters", DeadLetter)
    responses = await system.topic("responses", Response)
    await system.put("queries", POISON, key=KEY, headers=HEADERS, partition=1)
    await system.ask(Query(query_id="poem", prompt="1 + 1", task="poetry"))
    await system.put("dead-letters", METRIC, partition=0)
    await system.put("dead-letters", letter_for_queries(b"x" * 1_048_480), partition=0)
    cut = msgspec.structs.replace(letter_for_queries(b""), value=None, cut=True)
    await system.put("dead-letters", cut, partition=1)
    await letters.until(lambda rows: len(rows) == 5, "five letters")
    await responses.until(answered("poem"), "an error answer")
    return Story(system, letters, responses)


async def _list(story: Story) -> None:
    listed = await story.zeta("list", "--json")
    table = await story.zeta("list", "--topic", "queries", "--limit", "2")
    bad = await story.zeta("list", "--since", "offset:3")
    rows = listed.json()
    assert [row["redrives"] for row in rows] == [0] * 5
    assert "\\x1b]0;title\\x07" in table.out
    assert "\x1b" not in table.out
    assert "by hand" not in table.out, "only the newest two"
    assert "write a time" in one_line(bad, 2)
    (story.poison,) = [row["letter"] for row in rows if row["key"] == KEY.decode()]
    (story.poem,) = [row["letter"] for row in rows if "unknown task" in row["error"]]


async def _show(story: Story) -> None:
    text = await story.zeta("show", story.poison)
    whole = await story.zeta("show", story.poem, "--json")
    missing = await story.zeta("show", "0@999")
    command = [sys.executable, "-m", "agents.cli"]
    raw = await asyncio.to_thread(
        subprocess.run,
        [
            *command,
            "--config",
            str(story.system.file),
            "dead-letters",
            "show",
            story.poison,
            "--raw",
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert POISON.hex(" ", 4)[:8] in text.out
    assert "trace: again" in text.out
    assert '"poetry"' in whole.json()[0]["text"]
    assert "no such letter" in one_line(missing, 1)
    assert raw.stdout == POISON


async def _mend(story: Story) -> None:
    """The unknown task becomes known; what was sent before the mending is answered after it."""
    system = story.system
    dry = await story.zeta("redrive", "--all", "--dry-run", "--json")
    assert Counter(statuses(dry).values()) == {"to send": 3, "refused": 2}
    assert len(await on_queries(system)) == 2
    await asyncio.gather(system.stop("router"), system.stop("worker-only"))
    system.tables["tasks.poetry"] = {"needs": "chat"}
    system.write()
    await system.run("router", "worker-only")
    sent = await story.zeta("redrive", "--all", "--json")
    assert sent.code == 1, "three are refused"
    assert Counter(statuses(sent).values()) == {"sent": 2, "refused": 3}
    told = " ".join(row["why"] for row in sent.json() if row["status"] == "refused")
    assert "folded in the order" in told
    assert "max.message.bytes" in told
    assert "too large to be kept" in told
    await story.responses.until(
        lambda rows: any(row.query_id == "poem" and row.text == "2" for row in rows), "an answer"
    )


async def _fail_again(story: Story) -> None:
    """Poison stays poison: a letter each time, and none is sent twice."""
    records = [record for record in await on_queries(story.system) if record.value == POISON]
    first, second = sorted(records, key=lambda record: record.offset)
    assert (second.key, list(second.headers)[:-2]) == (KEY, HEADERS)
    assert [name for name, _ in second.headers[-2:]] == [COUNT, MARK]
    mark = mark_of(second.headers)
    assert mark is not None
    assert mark.timestamp == first.timestamp
    for count in (1, 2):
        await story.letters.until(partial(_has, count), "a letter more")
        (newest,) = [row for row in story.letters.events if row.redrives == count]
        assert (newest.key, newest.value, newest.topic) == (KEY, POISON, "queries")
        done = await story.zeta("redrive", "--all", "--topic", "queries", "--json")
        assert Counter(statuses(done).values())["sent"] == 1
        assert statuses(done)[story.poison] == "sent already"
    await story.system.put("dead-letters", b"no letter", partition=1)
    again = await story.zeta("redrive", story.poem, "--again", "--json")
    assert statuses(again) == {story.poem: "sent"}
    listed = await story.zeta("list", "--limit", "1")
    assert "1 records on dead-letters are no letters" in listed.err
    sent = [redrives(record.headers) for record in await on_queries(story.system)]
    assert sorted(sent) == [0, 0, 1, 1, 1, 2, 3]


def _has(count: int, letters: Sequence[DeadLetter]) -> bool:
    return any(letter.redrives == count for letter in letters)


async def test_a_redrive_killed_in_the_middle_is_finished_by_the_next(system: System) -> None:
    await system.chat_sim("only")
    await system.prepare()
    values = [b"%d %s" % (number, b"x" * 20_000) for number in range(LETTERS)]
    letters = [letter_for_queries(value, number) for number, value in enumerate(values)]
    for partition in range(2):
        await system.put_all("dead-letters", letters[partition::2], partition=partition)
    process = system.spawn("dead-letters", "redrive", "--all", "--yes")
    while not await on_queries(system):
        assert process.process.poll() is None, process.log.read_text()
    process.kill()
    before = len(await on_queries(system))
    assert before < LETTERS, "killed too late to tell anything"
    done = await letters_command(system, "redrive", "--all", "--yes", "--json")
    assert done.code == 0
    assert Counter(statuses(done).values()) == {"sent": LETTERS - before, "sent already": before}
    records = await on_queries(system)
    assert sorted(record.value or b"" for record in records) == sorted(values)
    last = await letters_command(system, "redrive", "--all", "--json")
    assert set(statuses(last).values()) == {"sent already"}
    await _retain_nothing(system)
    last = await letters_command(system, "redrive", "--all", "--json")
    assert last.code == 1
    assert set(statuses(last).values()) == {"in doubt"}


async def _retain_nothing(system: System) -> None:
    """As retention would: ``queries`` is empty, and whether anything was sent can't be told."""
    async with open_history(system.settings.kafka, ["queries"]) as log:
        ends = {
            TopicPartition(system.prefix + "queries", number): log.end("queries", number)
            for number in log.partitions("queries")
        }
    admin = AIOKafkaAdminClient(bootstrap_servers=system.bootstrap)
    await admin.start()
    try:
        rows = {where: RecordsToDelete(before_offset=end) for where, end in ends.items()}
        await admin.delete_records(rows)
    finally:
        await admin.close()
