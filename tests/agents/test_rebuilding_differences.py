"""What was altered, lost or invented is named: the record, the field, the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from agents.rebuilding import rebuild
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION, encode
from streams.settings import Settings
from tests.agents.rebuild_world import SETTINGS, MemoryLog, Rec, World, lived

changed = msgspec.structs.replace


async def different(log: MemoryLog, settings: Settings = SETTINGS) -> Any:
    """The difference that there must be."""
    report = await rebuild(log, settings)
    assert not report.ok
    assert report.difference is not None
    return report.difference


def altered_weights(rule: RoutingRule) -> RoutingRule:
    return changed(rule, weights={"a": MILLION})


ALTERATIONS: dict[str, tuple[Callable[[RoutingRule], RoutingRule | bytes], str]] = {
    "weights": (altered_weights, "weights.a"),
    "reason": (lambda rule: changed(rule, reason="no reason"), "reason"),
    "version": (lambda rule: changed(rule, version=rule.version + 1), "version"),
    "state": (
        lambda rule: changed(rule, state=changed(rule.state, windows=rule.state.windows + 1)),
        "state.windows",
    ),
    "scores offset": (
        lambda rule: changed(rule, inputs=changed(rule.inputs, scores=rule.inputs.scores + 1)),
        "inputs.scores",
    ),
    "earlier scores": (
        lambda rule: changed(rule, inputs=changed(rule.inputs, scores=1)),
        "inputs.scores",
    ),
    "controls offset": (
        lambda rule: changed(rule, inputs=changed(rule.inputs, controls=99)),
        "inputs.controls",
    ),
    "digest": (lambda rule: changed(rule, configuration_digest="0"), "configuration_digest"),
    "orders": (lambda rule: changed(rule, frozen=True), "frozen"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
async def test_an_altered_rule_is_named_with_its_field(name: str) -> None:
    alter, path = ALTERATIONS[name]
    world = World()
    world.run(40)
    offset = world.log.end("rules-log", 0) - 8
    rule = world.log.rules()[offset]
    world.log.change("rules-log", offset, alter)
    found = await different(world.log)
    assert (found.topic, found.offset, found.task) == ("rules-log", offset, rule.task)
    assert found.version == world.log.rules()[offset].version
    assert path in {row.field for row in found.fields}


async def test_a_control_offset_before_the_last_rules_is_a_difference() -> None:
    world = World()
    world.run(10)
    world.tell("pin", model="a")
    world.run(20)
    offset = world.log.end("rules-log", 0) - 1
    world.log.change(
        "rules-log", offset, lambda rule: changed(rule, inputs=changed(rule.inputs, controls=1))
    )
    assert (await different(world.log)).offset == offset


async def test_other_bytes_of_the_same_rule_are_a_difference() -> None:
    world = lived()
    world.log.change("rules-log", 9, lambda rule: encode(rule).replace(b'{"task"', b'{ "task"'))
    found = await different(world.log)
    assert (found.offset, found.fields) == (9, [])
    assert "other bytes" in found.problem


async def test_what_is_no_rule_is_named() -> None:
    world = lived()
    offset = world.log.append("rules-log", b'{"task":"code"}')
    found = await different(world.log)
    assert (found.offset, found.topic) == (offset, "rules-log")
    assert "is no rule" in found.problem


async def test_an_altered_second_copy_is_named() -> None:
    world = lived()
    rule = world.log.rules()[20]
    offset = world.log.append("rules-log", altered_weights(rule))
    found = await different(world.log)
    assert (found.offset, found.version, found.task) == (offset, rule.version, rule.task)
    assert "weights.c" in {row.field for row in found.fields}


async def test_an_invented_next_rule_is_named() -> None:
    world = lived()
    rule = world.log.rules()[-1]
    world.log.append("rules-log", changed(rule, version=rule.version + 1))
    assert "leads to it" in (await different(world.log)).problem


@pytest.mark.parametrize("back", [3, 12, 30])
async def test_a_missing_rule_is_noticed_at_the_next_one(back: int) -> None:
    world = World()
    world.run(80)
    rules = world.log.topics["rules-log"][0]
    missing = world.log.rules()[len(rules) - back]
    del rules[-back]
    found = await different(world.log)
    assert (found.task, found.version) == (missing.task, missing.version + 1)


async def test_an_altered_part_on_scores_is_named() -> None:
    world = lived()
    index = next(i for i, r in enumerate(world.log.topics["scores"][0]) if b"late" in r.value)  # type: ignore[operator]
    world.log.change("scores", index, lambda part: changed(part, late=part.late + 1))
    found = await different(world.log)
    assert (found.topic, found.offset) == ("scores", index)
    assert [row.field for row in found.fields] == ["late"]


async def test_an_altered_copy_on_scores_is_named() -> None:
    world = lived()
    world.kill_aggregator(9)
    with_data = [r.offset for r in world.log.topics["scores"][0][-9:] if b"models" in r.value]  # type: ignore[operator]
    world.log.change("scores", with_data[0], lambda part: changed(part, duplicates=99))
    found = await different(world.log)
    assert (found.topic, found.offset) == ("scores", with_data[0])
    assert "copy" in found.problem


async def test_a_part_that_is_missing_on_scores_is_named() -> None:
    world = World()
    world.run(40)
    scores = world.log.topics["scores"][0]
    index = next(i for i, record in enumerate(scores) if i > 10 and b"models" in record.value)  # type: ignore[operator]
    world.log.topics["scores"][0] = [
        Rec(i, r.timestamp, r.value) for i, r in enumerate([*scores[:index], *scores[index + 1 :]])
    ]
    found = await different(world.log)
    assert found.topic == "scores"
    assert "missing" in found.problem


async def test_a_metric_that_was_altered_is_noticed() -> None:
    world = World(partitions=1)
    world.run(40)
    metrics = world.log.topics["metrics"][0]
    index = next(i for i, r in enumerate(metrics) if i > 40 and b"judgement" in r.value)  # type: ignore[operator]
    world.log.change("metrics", index, lambda metric: changed(metric, accuracy=0.123))
    found = await different(world.log)
    assert (found.topic, found.partition) == ("scores", 0)


async def test_a_hole_in_metrics_is_named() -> None:
    world = lived()
    del world.log.topics["metrics"][0][50]
    found = await different(world.log)
    assert (found.topic, found.offset, found.partition) == ("metrics", 50, 0)


async def test_other_windows_are_told_clearly() -> None:
    settings = changed(SETTINGS, windows=changed(SETTINGS.windows, size_s=0.4))
    found = await different(lived().log, settings)
    assert "spans 0.2 s" in found.problem
    assert "windows.size_s" in found.problem
    assert "settings" in found.problem


async def test_other_lateness_is_a_difference_that_names_windows() -> None:
    settings = changed(SETTINGS, windows=changed(SETTINGS.windows, lateness_s=0.19))
    assert "windows." in (await different(lived().log, settings)).problem
