"""``zeta`` as people and scripts use it: outputs, exit codes, messages."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from schemas.metric import Metric
from schemas.routing_rule import RoutingRule
from schemas.window_score import WindowScore
from tests.loop.commands import one_line, zeta
from tests.loop.system import System, chat, system_at

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """Every role, for all tests of this file; one graded query has gone through."""
    folder = tmp_path_factory.mktemp("cli")
    async with system_at(kafka_bootstrap, f"{folder.name}-", folder) as system:
        await system.chat_sim("small")
        sim = await system.sim("vectors", "tei", dimension=8)
        system.tables["models.vectors"] = chat(
            sim.base_url, protocol="tei", serves=["embedding"], vector_space="v"
        )
        system.tables["tasks.embedding"] = {"needs": "embedding"}
        await system.prepare()
        roles = ("router", "grader", "aggregator", "tuner", "worker-small", "worker-vectors")
        await system.run(*roles)
        yield system


async def test_ask_prints_the_answer_and_who_gave_it(running: System) -> None:
    done = await zeta(running.file, "ask", "17 + 4", "--task", "code")
    assert (done.code, done.out) == (0, "21\n")
    assert done.err.startswith("[small, code, 0.")


async def test_ask_json_is_one_event(running: System) -> None:
    done = await zeta(running.file, "ask", "17 + 4", "--json", "--model", "small")
    (answer,) = done.json()
    assert (done.code, done.err) == (0, "")
    assert (answer["text"], answer["model"], answer["task"]) == ("21", "small", "code")


async def test_ask_embeds(running: System) -> None:
    done = await zeta(running.file, "ask", "a red fox", "--embed")
    assert done.code == 0
    (row,) = done.out.splitlines()
    assert len([float(number) for number in row.split()]) == 8


async def test_ask_that_is_refused_exits_1(running: System) -> None:
    line = one_line(await zeta(running.file, "ask", "x", "--task", "poetry"), 1)
    assert line == "zeta: invalid: unknown task 'poetry'; one of code, embedding"


async def test_send_sums_up_and_writes_the_answers(running: System, tmp_path: Path) -> None:
    file, output = tmp_path / "queries.jsonl", tmp_path / "answers.jsonl"
    queries = [{"query_id": f"send-{n}", "task": "code", "prompt": f"{n} + 1"} for n in range(30)]
    file.write_text("\n\n".join(json.dumps(query) for query in queries))
    done = await zeta(running.file, "send", str(file), "--json", "--output", str(output))
    (summary,) = done.json()
    assert done.code == 0
    assert {key: summary[key] for key in ("asked", "answered", "failed", "silent")} == {
        "asked": 30,
        "answered": 30,
        "failed": 0,
        "silent": 0,
    }
    assert 0 < summary["models"]["small"]["p50_s"] <= summary["models"]["small"]["p95_s"]
    answers = [json.loads(line) for line in output.read_text().splitlines()]
    assert {row["query_id"]: row["text"] for row in answers} == {
        f"send-{n}": str(n + 1) for n in range(30)
    }


async def test_send_prints_a_table_and_exits_1_when_some_failed(
    running: System, tmp_path: Path
) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text('{"prompt": "1 + 1"}\n{"prompt": "x", "task": "poetry"}\n')
    done = await zeta(running.file, "send", str(file))
    assert done.code == 1
    for words in ("model", "p50 s", "p95 s", "small", "2 asked: 1 answered, 1 failed, 0 without"):
        assert words in done.out
    assert "\x1b" not in done.out + done.err, "no colours but on a terminal"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("hello", "JSON is malformed"),
        ('{"prompt": 1}', "$.prompt"),
        ('{"prompt": "x", "time_limit_s": -1}', "$.time_limit_s"),
        ('{"prompt": "x", "query_id": "same"}', "query_id 'same' comes twice"),
        ("{}", "exactly one of prompt, messages and input"),
    ],
)
async def test_a_broken_file_is_told_by_line_and_field(
    running: System, tmp_path: Path, line: str, told: str
) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text('{"prompt": "x", "query_id": "same"}\n\n' + line)
    said = one_line(await zeta(running.file, "send", str(file)), 2)
    assert said.startswith(f"zeta: {file}:3: ")
    assert told in said


async def test_a_file_that_is_not_there_is_told(running: System, tmp_path: Path) -> None:
    file = tmp_path / "none.jsonl"
    said = one_line(await zeta(running.file, "send", str(file)), 2)
    assert said == f"zeta: {file}: can't be read: No such file or directory"


async def test_tail_prints_records_as_lines_of_json(running: System) -> None:
    await zeta(running.file, "ask", "1 + 1")
    done = await zeta(running.file, "tail", "queries", "--from-beginning", "-n", "1", "--meta")
    (row,) = done.json()
    assert (done.code, done.err) == (0, "")
    assert row["topic"] == f"{running.prefix}queries"
    assert row["value"]["prompt"]
    everything = await zeta(running.file, "tail", "queries", "--no-follow")
    assert everything.code == 0
    assert len(everything.json()) >= 1
    line = one_line(await zeta(running.file, "tail", "nonsense"), 1)
    assert line.startswith(f"zeta: topic {running.prefix}nonsense does not exist")


async def test_rules_and_scores_show_what_is_in_force(running: System) -> None:
    rules = await running.topic("rules", RoutingRule)
    scores = await running.topic("scores", WindowScore)
    await rules.until(lambda rows: {row.task for row in rows} == {"code", "embedding"}, "rules")
    at = int(time.time() * 1000)
    outcome = Metric(
        query_id="m",
        attempt=1,
        model="small",
        task="code",
        kind="outcome",
        ok=True,
        response_time_s=0.5,
        decided_at=at,
        observed_at=at,
    )
    await running.put("metrics", outcome)
    await scores.until(lambda rows: any(row.models for row in rows), "a window")
    as_json = await zeta(running.file, "rules", "--json")
    assert {row["task"]: row["weights"] for row in as_json.json()} == {
        "code": {"small": 1_000_000},
        "embedding": {"vectors": 1_000_000},
    }
    told = await zeta(running.file, "rules", "--task", "code")
    assert told.code == 0
    for words in ("code: rule", "policy thompson", "small", "100.0%"):
        assert words in told.out
    assert "vectors" not in told.out
    windows = await zeta(running.file, "scores", "--json")
    assert (windows.code, windows.err) == (0, "")
    assert any("small" in row["models"] for row in windows.json())
    table = await zeta(running.file, "scores", "--task", "code", "--last", "50")
    assert table.code == 0
    assert "small" in table.out


async def test_topics_are_compared_and_made(running: System) -> None:
    listed = await zeta(running.file, "topics", "list", "--json")
    assert listed.code == 0
    assert {row["state"] for row in listed.json()} == {"ok"}
    other = ["--set", f"kafka.prefix={running.prefix}other-"]
    missing = await zeta(running.file, *other, "topics", "list", "--json")
    assert missing.code == 1
    assert {row["state"] for row in missing.json()} == {"missing"}
    made = await zeta(running.file, *other, "topics", "create", "--json")
    assert made.code == 0
    assert {row["state"] for row in made.json()} == {"created"}
    table = await zeta(running.file, *other, "topics", "create")
    assert table.code == 0
    assert f"{running.prefix}other-models.small" in table.out


async def test_kafka_status_of_a_broker_that_does_not_run(tmp_path: Path) -> None:
    done = await zeta(None, "kafka", "status", "--json", ZETA_HOME=str(tmp_path))
    (found,) = done.json()
    assert (done.code, found["running"], found["pid"]) == (1, False, None)
    told = await zeta(None, "kafka", "status", ZETA_HOME=str(tmp_path))
    assert told.code == 1
    assert "does not run" in told.out
