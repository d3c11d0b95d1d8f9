"""A rebuild reproduces whatever happened, from the beginning or from a checkpoint."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.rebuilding import Report, rebuild
from agents.standing import REPEAT_MS, repetitions
from schemas.wire import MILLION
from streams.replay.origin import Origin, stamped
from streams.settings import Settings, Task, Windows
from tests.agents.rebuild_world import SETTINGS, MemoryLog, World, lived

changed = msgspec.structs.replace
SEEDS = range(4)


async def rebuilt(log: MemoryLog, settings: Settings = SETTINGS) -> Report:
    return await rebuild(log, settings)


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


@pytest.mark.parametrize("topic", ["scores", "rules-log"])
async def test_what_was_replayed_onto_a_topic_changes_nothing(topic: str) -> None:
    world = lived()
    before = await rebuilt(world.log)
    origin = Origin(run="r", topic=topic, partition=0, offset=0, timestamp=0, started=0)
    for records in world.log.topics[topic]:
        again = [
            replace(row, offset=len(records) + number, headers=stamped(row.headers, origin))
            for number, row in enumerate(records)
        ]
        records.extend(again)
    report = await rebuilt(world.log)
    assert report.ok, report.difference
    assert (report.rules, report.copies, report.scores) == (
        before.rules,
        before.copies,
        before.scores,
    )


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
    found = (await rebuilt(world.log)).difference
    assert found is not None
    assert (found.offset, [row.field for row in found.fields]) == (last, ["reason"])


async def test_a_copy_of_a_record_that_is_gone_is_no_difference() -> None:
    """It was dropped as a duplicate then; now nothing knows the first one."""
    windows = changed(SETTINGS.windows, horizon_s=3.0)
    settings = changed(SETTINGS, windows=windows)
    world = World(partitions=1, settings=settings)
    world.run(4)
    first = world._metric()
    world._take(0, first)
    gone = world.log.end("metrics", 0)
    world.run(20)  # several windows, well within the horizon
    world._take(0, first)
    world.run(60)
    whole = await rebuilt(world.log, settings)
    world.log.trim("metrics", gone)
    report = await rebuilt(world.log, settings)
    assert whole.ok
    assert report.ok
    assert 10 < report.rules < whole.rules


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
