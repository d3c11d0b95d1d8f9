"""``zeta rules pin`` and its like, with a tuner and without; what the tuner repeats."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from agents.merging import RuleFold
from agents.standing import REPEAT_MS
from agents.tuner import build_tuner
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION
from tests.loop.commands import Done, one_line, zeta
from tests.loop.system import System
from tests.loop.test_tuner import check_log, part, two_models
from tests.loop.watching import Topic

ORDERS: list[tuple[list[str], dict[str, Any], str | None]] = [
    (["pin", "code", "b"], {"pinned": "b", "weights": {"b": MILLION}}, None),
    (["freeze", "code"], {"pinned": "b", "frozen": True}, "pinned to b, frozen"),
    (["unpin", "code"], {"pinned": None, "frozen": True}, None),
    (["unfreeze", "code"], {"frozen": False}, None),
    (["exclude", "code", "a"], {"excluded": ["a"], "weights": {"b": MILLION}}, "a (excluded)"),
    (["include", "code", "a"], {"excluded": []}, None),
]


async def rules(system: System, *arguments: str) -> Done:
    return await zeta(system.file, "rules", *arguments, USER="ada", LOGNAME="ada")


async def test_each_order_leads_to_a_rule_that_is_printed(system: System) -> None:
    await two_models(system)
    log = await system.topic("rules-log", RoutingRule)
    controls = await system.topic("controls", Control)
    table = await system.topic("rules", RoutingRule)
    await system.run("tuner")
    await log.until(lambda found: found, "the first rule")
    for number, (order, effect, shown) in enumerate(ORDERS, start=2):
        done = await rules(system, *order, "--reason", f"why {number}", "--json")
        assert done.code == 0, done
        (rule,) = done.json()
        assert rule["version"] == number
        assert {name: rule.get(name, _absent(name)) for name in effect} == effect
        if shown is not None:
            view = await rules(system)
            assert (view.code, shown in view.out) == (0, True), view.out
            assert ("b (pinned)" in view.out) == (effect.get("pinned") == "b")
    given = [row for row in controls.events if row.action != "configure"]
    assert [(row.action, row.reason, row.source) for row in given] == [
        (order[0], f"why {number}", "cli:ada") for number, (order, _, _) in enumerate(ORDERS, 2)
    ]
    assert [row.pinned for row in log.events] == [None, "b", "b", None, None, None, None]
    again = await rules(system, "unpin", "code", "--timeout", "5")
    assert (again.code, "rule 7" in again.out) == (0, True), "what holds already is shown at once"
    one = await rules(system, "--task", "code", "--json")
    assert [row["version"] for row in one.json()] == [7]
    assert check_log(log, table) == 0
    rebuilt = await zeta(system.file, "rebuild", "--json")
    assert (rebuilt.code, rebuilt.json()[0]["rules"]) == (0, 7)


def _absent(name: str) -> Any:
    """What a field that isn't written stands for."""
    return {"frozen": False, "excluded": []}.get(name)


async def test_without_a_tuner_it_says_so(system: System) -> None:
    await two_models(system)
    controls = await system.topic("controls", Control)
    done = await rules(system, "pin", "code", "b", "--timeout", "0.5")
    assert "is the tuner running?" in one_line(done, 1)
    await controls.until(lambda found: len(found) == 1, "the order is kept")
    await system.run("tuner")
    table = await system.topic("rules", RoutingRule)
    await table.until(lambda found: found and found[-1].pinned == "b", "and takes effect")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (["pin", "cod", "b"], "tasks are code"),
        (["exclude", "code", "z"], "candidates are a, b"),
    ],
)
async def test_an_order_that_can_not_be_is_refused(
    system: System, order: list[str], told: str
) -> None:
    await two_models(system)
    assert told in one_line(await rules(system, *order), 2)


async def test_the_last_candidate_stays(system: System) -> None:
    await two_models(system)
    controls = await system.topic("controls", Control)
    await system.run("tuner")
    assert (await rules(system, "exclude", "code", "a")).code == 0
    assert "last candidate" in one_line(await rules(system, "exclude", "code", "b"), 2)
    await controls.until(lambda found: len(found) == 2, "one order")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


async def follow(log: Topic[RoutingRule], system: System, number: int) -> RoutingRule:
    """The rule of a new window."""
    await system.put_all("scores", [part(number, 0), part(number, 1)])
    end = part(number, 0).window_end_at
    await log.until(lambda found: found and found[-1].window_end_at == end, "the window's rule")
    return log.events[-1]


async def test_what_stands_is_sent_again_each_day_and_makes_no_rule(system: System) -> None:
    await two_models(system)
    log = await system.topic("rules-log", RoutingRule)
    controls = await system.topic("controls", Control)
    clock = Clock()
    tuner = build_tuner(system.settings, now_ms=clock, repeat_check_s=0.02)
    await tuner.start()
    try:
        await log.until(lambda found: found, "the first rule")
        await system.put(
            "controls", Control(task="code", action="pin", model="b", issued_at=1), key=b"code"
        )
        await log.until(lambda found: len(found) == 2, "a pinned rule")
        for day in (1, 2):
            clock.now += REPEAT_MS
            wanted = 2 + 2 * day
            await controls.until(lambda found, n=wanted: len(found) >= n, "sent again")  # type: ignore[misc]
            rule = await follow(log, system, day)
            assert (rule.version, rule.pinned) == (2 + day, "b")
            assert rule.inputs.controls >= wanted, "it has read them"
    finally:
        await tuner.stop()
        tuner.consumer._thread.thread_loop.close()  # type: ignore[attr-defined]
    assert tuner.crash_reason is None
    repeated = [row for row in controls.events if row.repeats is not None]
    assert [row.action for row in repeated][:4] == ["pin", "configure", "pin", "configure"]
    assert {row.issued_at for row in repeated} == {1_000 + REPEAT_MS, 1_000 + 2 * REPEAT_MS}
    await system.run("tuner")
    rule = await follow(log, system, 3)
    assert (rule.version, rule.pinned) == (5, "b")


async def test_an_order_during_a_restart_makes_no_second_version(system: System) -> None:
    """Killed when the log had a rule that the table hadn't; then came an order."""
    await two_models(system)
    log = await system.topic("rules-log", RoutingRule)
    table = await system.topic("rules", RoutingRule)
    controls = await system.topic("controls", Control)
    await system.run("tuner")
    await follow(log, system, 1)
    await system.stop("tuner")
    fold = RuleFold([log.events[-1]])
    for record, control in zip(controls.records, controls.events, strict=True):
        fold.control(record.offset, control)
    parts = [part(2, 0), part(2, 1)]
    (rule,) = itertools.chain(*(fold.score(2 + n, row) for n, row in enumerate(parts)))
    await system.put_all("scores", parts)
    await system.put("rules-log", rule, key=b"code")
    await system.put(
        "controls", Control(task="code", action="pin", model="b", issued_at=1), key=b"code"
    )
    await system.run("tuner")
    await table.until(lambda found: found[-1].pinned == "b", "the order's rule")
    assert table.events[-2] == rule
    assert table.events[-1].version == rule.version + 1
    assert check_log(log, table) == 0
