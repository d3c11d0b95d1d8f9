"""A rebuild reproduces whatever happened, and names the first thing that didn't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.rebuilding import Report, rebuild
from agents.standing import REPEAT_MS, repetitions
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION, encode
from streams.settings import Settings, Task, Windows
from tests.agents.rebuild_world import SETTINGS, MemoryLog, Rec, World, lived

changed = msgspec.structs.replace
SEEDS = range(4)


async def rebuilt(log: MemoryLog, settings: Settings = SETTINGS) -> Report:
    return await rebuild(log, settings)


async def different(log: MemoryLog, settings: Settings = SETTINGS) -> Any:
    """The difference that there must be."""
    report = await rebuild(log, settings)
    assert not report.ok
    assert report.difference is not None
    return report.difference


@pytest.mark.parametrize("seed", SEEDS)
async def test_it_reproduces_every_rule_from_the_beginning(seed: int) -> None:
    world = lived(seed)
    report = await rebuilt(world.log)
    assert report.difference is None
    assert report.ok
    assert report.copies == 2
    assert report.rules == len(world.log.rules()) - 2 > 40
    assert report.scores == world.log.end("scores", 0)
    assert [(start.task, start.kind) for start in report.starts] == [
        ("code", "beginning"),
        ("reasoning", "beginning"),
    ]
    pinned = [rule for rule in world.log.rules() if rule.pinned]
    assert pinned
    assert all(rule.weights == {"c": MILLION} for rule in pinned)


async def test_nothing_on_the_topics_is_nothing_to_complain_of() -> None:
    report = await rebuilt(MemoryLog(2))
    assert (report.ok, report.starts, report.rules) == (True, [], 0)


async def test_scores_without_rules_are_compared() -> None:
    world = lived()
    world.log.topics["rules-log"][0].clear()
    report = await rebuilt(world.log)
    assert (report.ok, report.starts, report.rules) == (True, [], 0)
    assert report.scores == world.log.end("scores", 0)


@pytest.mark.parametrize("seed", SEEDS)
@hypothesis_settings(max_examples=20, deadline=None)
@given(data=st.data())
async def test_it_starts_at_a_checkpoint_whatever_retention_has_taken(
    seed: int, data: st.DataObject
) -> None:
    world = lived(seed)
    span = st.integers(1_000_000, world.now + 50)
    at = data.draw(span)
    for topic in world.log.topics:
        near = st.one_of(st.just(at), st.just(0), span)
        world.log.trim_until(topic, data.draw(near, label=topic))
    report = await rebuilt(world.log)
    assert report.difference is None
    surviving = world.log.end("rules-log", 0) - world.log.beginning("rules-log", 0)
    assert report.rules + report.copies <= surviving


async def test_trimmed_metrics_move_the_start_no_further_than_needed() -> None:
    world = lived()
    whole = await rebuilt(world.log)
    world.log.trim_until("metrics", 1_001_500)
    report = await rebuilt(world.log)
    assert report.ok
    for start in report.starts:
        rule = world.log.rules()[start.offset or 0]
        assert start.kind == "checkpoint"
        assert start.reason == "metrics of its window are gone"
        assert 1_001_200 <= rule.window_end_at <= 1_001_800 + 200
    assert whole.rules > report.rules > whole.rules / 3


async def test_after_a_checkpoint_a_difference_is_still_one() -> None:
    world = lived()
    world.log.trim_until("metrics", 1_001_500)
    last = world.log.end("rules-log", 0) - 1
    world.log.change("rules-log", last, lambda rule: changed(rule, reason="because"))
    assert (await different(world.log)).offset == last


async def test_a_copy_of_a_record_that_is_gone_is_no_difference() -> None:
    """It was dropped as a duplicate then; now nothing knows the first one."""
    world = World(partitions=1)
    world.run(4)
    first = world._metric()
    world._take(0, first)
    gone = world.log.end("metrics", 0)
    world.run(1)
    world._take(0, first)
    world.run(60)
    whole = await rebuilt(world.log)
    world.log.trim("metrics", gone)
    report = await rebuilt(world.log)
    assert whole.ok
    assert report.ok
    assert 10 < report.rules < whole.rules


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


async def test_a_task_that_was_removed_or_added_since_changes_nothing() -> None:
    world = lived()
    fewer = changed(SETTINGS, tasks={"code": Task()})
    more = changed(SETTINGS, tasks={**SETTINGS.tasks, "embedding": Task()})
    for settings in (fewer, more):
        report = await rebuilt(world.log, settings)
        assert report.difference is None
        assert report.rules == len(world.log.rules()) - 2


async def test_partitions_that_were_added_since_change_nothing() -> None:
    world = lived()
    rules = len(world.log.rules())
    world.log.topics["metrics"].append([])
    report = await rebuilt(world.log)
    assert report.difference is None
    assert report.rules == rules - 2


async def test_orders_outlive_the_retention_of_controls_by_their_repetition() -> None:
    world = World()
    world.run(10)
    world.tell("pin", model="b")
    world.tell("exclude", "reasoning", model="c")
    world.run(10)
    rules, from_offset = len(world.log.rules()), world.log.end("controls", 0)
    again = list(
        repetitions(world.tuner.standings(), world.tuner.next_control, world.now + REPEAT_MS)
    )
    assert [(c.task, c.action) for c in again] == [
        ("code", "pin"),
        ("code", "configure"),
        ("reasoning", "exclude"),
        ("reasoning", "configure"),
    ]
    for control in again:
        fields = msgspec.structs.asdict(control)
        del fields["issued_at"]
        world.tell(fields.pop("action"), fields.pop("task"), **fields)
    assert len(world.log.rules()) == rules, "a repetition makes no rule"
    world.run(10)
    world.kill_tuner()
    world.run(10)
    report = await rebuilt(world.log)
    assert report.ok
    world.log.trim("controls", from_offset)
    trimmed = await rebuilt(world.log)
    assert trimmed.difference is None
    assert trimmed.starts[0].reason.startswith("controls before offset")
    assert 0 < trimmed.rules < report.rules


async def test_windows_of_a_fine_grain_do_not_matter() -> None:
    """Nothing but the settings says how long a window is."""
    windows = Windows(size_s=0.01, panes=1, lateness_s=0.0, skew_s=0.1, horizon_s=0.05)
    settings = changed(SETTINGS, windows=windows)
    world = World(settings=settings)
    world.run(60)
    report = await rebuilt(world.log, settings)
    assert report.difference is None
    assert report.rules == len(world.log.rules())
