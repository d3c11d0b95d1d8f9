"""``zeta whatif`` on a real broker: the topics of a scripted log, and the real command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.whatif.judging import Judgement
from agents.whatif.reading import Question
from agents.whatif.rules_file import FixedRules, read_rules
from schemas.wire import MILLION
from tests.agents.whatif.lived import lived
from tests.agents.whatif.world import World
from tests.loop.commands import one_line, zeta
from tests.loop.system import System, chat

TOPICS = ("rules-log", "controls", "scores", "metrics", "responses", "reroutes")
RULES = b'{"code": {"b": 0.5, "c": 0.5}}'


async def prepared(system: System) -> None:
    for name in "abc":
        system.tables[f"models.{name}"] = chat("http://127.0.0.1:9")
    await system.prepare()


async def write(system: System, world: World) -> None:
    """The world's log on the broker's topics; those of several partitions by key."""
    for topic in TOPICS:
        for record in world.log.topics[topic][0]:
            key = str(record.offset // 7).encode()
            await system.put(topic, record.value, key=key)


def rules_file(system: System, content: bytes = RULES) -> Path:
    path = system.directory / "rules.json"
    path.write_bytes(content)
    return path


def values(row: Any) -> list[float]:
    """Of a row of JSON."""
    return [row[name][end] for name in ("logged", "ips", "snips", "dr") for end in ("value", "low")]


def same(row: Any, expected: Judgement) -> bool:
    own = expected.all
    found = [
        getattr(getattr(own, name), end)
        for name in ("logged", "ips", "snips", "dr")
        for end in ("value", "low")
    ]
    return values(row) == pytest.approx(found)


async def test_it_judges_rules_and_policies_from_the_topics(system: System) -> None:
    await prepared(system)
    world = lived(700, fails=0.05)
    await write(system, world)
    rules = rules_file(system)
    arguments = ("whatif", "--rules", str(rules), "--policy", "thompson,static")
    done = await zeta(system.file, *arguments, "--json")
    assert done.code == 0, done
    by_rules, thompson, static = done.json()

    question = Question("accuracy", ["thompson", "static"], read_rules(rules))
    expected = await world.ask_about(question)
    assert [one["target"] for one in (by_rules, thompson, static)] == [
        str(rules),
        "thompson",
        "static",
    ]
    for line, judgement in zip((by_rules, thompson, static), expected, strict=True):
        assert same(line["all"], judgement), line["target"]
    assert thompson["all"]["snips"] == thompson["all"]["logged"], "they are the logged rules"
    assert by_rules["counts"]["choices"] == 700
    assert by_rules["propensities_from"]["decision"] == 700

    shown = await zeta(system.file, *arguments)
    assert shown.code == 0
    assert "effective" in shown.out
    assert "700 choices of policies in" in shown.err


async def test_it_says_what_it_cannot_answer_and_fails(system: System) -> None:
    await prepared(system)
    empty = await zeta(system.file, "whatif", "--policy", "greedy")
    assert empty.code == 1
    assert "the log has no choice of a policy" in empty.out
    await write(system, lived(300))
    new = rules_file(system, b'{"code": {"c": 1, "d": 1}}')
    done = await zeta(system.file, "whatif", "--rules", str(new), "--json")
    (line,) = done.json()
    assert done.code == 1
    assert line["all"]["unsupported"]["d"] == pytest.approx(0.5)
    assert line["all"]["dr"] is None
    assert line["all"]["logged"]["value"] > 0.5


async def test_wrong_usage_is_one_line(system: System) -> None:
    await prepared(system)
    neither = await zeta(system.file, "whatif")
    assert "needs --policy or --rules" in one_line(neither, 2)
    missing = await zeta(system.file, "whatif", "--rules", str(system.directory / "none"))
    assert "can't be read" in one_line(missing, 2)
    unknown = await zeta(system.file, "whatif", "--policy", "best")
    assert unknown.code == 2
    assert "no policy 'best'" in unknown.err


async def test_the_rules_that_zeta_prints_are_a_rules_file(system: System) -> None:
    await prepared(system)
    world = lived(300)
    await write(system, world)
    newest = {rule.task: rule for rule in world.log.rules()}
    for rule in newest.values():
        await system.put("rules", rule, key=rule.task.encode())
    printed = await zeta(system.file, "rules", "--json")
    path = rules_file(system, printed.out.encode())
    assert isinstance(read_rules(path), FixedRules)
    done = await zeta(system.file, "whatif", "--rules", str(path), "--json")
    (line,) = done.json()
    assert line["target"] == str(path)
    assert sum(newest["code"].weights.values()) == MILLION
    assert line["tasks"][0]["task"] == "code"
