"""Parts into rules: in whatever order partitions come, however often restarted."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.merging import RuleFold
from schemas.routing_rule import Inputs, RoutingRule
from schemas.window_score import WindowScore
from schemas.wire import encode
from tests.agents.rule_parts import summary
from tests.agents.score_log import PARTITIONS, TASKS, configure, fed, part, started


def bytes_of(rules: Iterable[RoutingRule], *, with_inputs: bool = True) -> list[bytes]:
    """What is published, task by task."""
    kept = [
        rule if with_inputs else msgspec.structs.replace(rule, inputs=Inputs()) for rule in rules
    ]
    return [encode(rule) for rule in sorted(kept, key=lambda rule: (rule.task, rule.version))]


@st.composite
def part_logs(draw: st.DrawFn) -> list[WindowScore]:
    """``scores``: each partition closes the same windows in order, at its own speed."""
    closed = [
        [
            part(partition, number, draw(_data), task=task)
            for number in range(draw(st.integers(1, 4)))
            for task in (*TASKS, "stranger")
        ]
        for partition in range(PARTITIONS)
    ]
    queues = [[one for one in mine if one.models or one.task != "stranger"] for mine in closed]
    return _interleaved(draw, queues)


_data = st.dictionaries(
    st.sampled_from("abc"), st.builds(summary, st.integers(1, 9), st.floats(0, 1)), max_size=2
)


def _interleaved(draw: st.DrawFn, queues: list[list[WindowScore]]) -> list[WindowScore]:
    waiting, log = [list(queue) for queue in queues], []
    while any(waiting):
        number = draw(st.sampled_from([n for n, queue in enumerate(waiting) if queue]))
        log.append(waiting[number].pop(0))
    return log


ALL = (*TASKS, "stranger")


@settings(max_examples=150, deadline=None)
@given(log=part_logs(), data=st.data())
def test_any_interleaving_of_partitions_gives_the_same_rules(
    log: list[WindowScore], data: st.DataObject
) -> None:
    queues = [[one for one in log if one.partition == number] for number in range(PARTITIONS)]
    other = data.draw(st.composite(_interleaved)(queues))
    expected = bytes_of(fed(started(*ALL), log), with_inputs=False)
    assert bytes_of(fed(started(*ALL), other), with_inputs=False) == expected


@settings(max_examples=150, deadline=None)
@given(log=part_logs(), data=st.data())
def test_parts_that_come_again_change_nothing(log: list[WindowScore], data: st.DataObject) -> None:
    """A killed aggregator sends a run of its parts again, right after the kill or later."""
    again = list(log)
    for _ in range(data.draw(st.integers(1, 3))):
        partition = data.draw(st.integers(0, PARTITIONS - 1))
        places = [place for place, one in enumerate(again) if one.partition == partition]
        cut = data.draw(st.integers(0, len(places)))
        run = [again[place] for place in places[data.draw(st.integers(0, cut)) : cut]]
        after = places[cut - 1] + 1 if cut else 0
        again[after:after] = run
    expected = bytes_of(fed(started(*ALL), log), with_inputs=False)
    assert bytes_of(fed(started(*ALL), again), with_inputs=False) == expected


@settings(max_examples=200, deadline=None)
@given(log=part_logs(), data=st.data())
def test_a_restart_anywhere_gives_the_same_bytes(
    log: list[WindowScore], data: st.DataObject
) -> None:
    expected = bytes_of(fed(started(*ALL), log))
    fold, rules, offset = started(*ALL), started_rules(), 0
    for _ in range(data.draw(st.integers(1, 3))):
        stop = data.draw(st.integers(offset, len(log)))
        rules += fed(fold, log[:stop], offset)
        oldest = fold.oldest_open()
        offset = stop if oldest is None else oldest
        fold = started(*ALL, rules={rule.task: rule for rule in rules}.values())
    rules += fed(fold, log, offset)
    strangers = [rule for rule in rules if rule.task == "stranger" and rule.window_end_at]
    named = [rule for rule in rules if rule.task != "stranger" and rule.window_end_at]
    assert bytes_of(named) == [one for one in expected if b'"task":"stranger"' not in one]
    # Of a task without empty parts, a rule may wait for the next window, but nothing is lost.
    late = [one for one in expected if b'"task":"stranger"' in one]
    assert bytes_of(strangers) == late[: len(strangers)]


def started_rules() -> list[RoutingRule]:
    """The rules that ``started`` makes from the priors."""
    fold = RuleFold()
    made = [fold.control(offset, configure(task)) for offset, task in enumerate(ALL)]
    return [rule for rule in made if rule is not None]


def test_a_window_waits_for_every_partition() -> None:
    fold = started()
    data = {"a": summary(4, 0.5)}
    assert fed(fold, [part(0, 0, data), part(1, 0, data), part(0, 1, data), part(1, 1)]) == []
    (rule,) = fold.score(4, part(2, 0))
    assert rule.window_end_at == 60_000
    assert rule.scores["a"].samples == 8
    assert rule.inputs == Inputs(scores=2, controls=1)
    assert fold.oldest_open() == 2


def test_windows_that_become_whole_together_give_a_rule_each_in_order() -> None:
    fold = started()
    data = {"a": summary(4, 0.5)}
    log = [part(p, n, data) for p in (0, 1) for n in (0, 1, 2)]
    assert fed(fold, log) == []
    rules = list(fold.score(6, part(2, 2)))
    assert [(rule.version, rule.window_end_at) for rule in rules] == [
        (2, 60_000),
        (3, 120_000),
        (4, 180_000),
    ]
    assert fold.oldest_open() is None


def test_a_window_without_data_gives_no_rule() -> None:
    assert fed(started(), [part(number, 0) for number in range(PARTITIONS)]) == []


def test_what_a_partition_ahead_has_said_is_read_again_after_a_restart() -> None:
    log = [part(0, 0), part(1, 0, {"a": summary(4, 0.5)}), part(2, 0)]
    fold = started()
    fed(fold, log[:1])
    assert fold.oldest_open() == 0
    fed(fold, log[:2], 1)
    assert fold.oldest_open() == 0
    (rule,) = fold.score(2, log[2])
    assert rule.version == 2
    assert fold.oldest_open() is None


def test_a_task_that_the_aggregator_does_not_know_is_closed_by_the_others() -> None:
    fold = started("stranger", "code")
    fold.control(2, configure("code"))
    log = [part(0, 0, {"a": summary(4, 0.5)}, task="stranger")]
    log += [part(number, 0) for number in range(PARTITIONS)]
    assert fed(fold, log) == []
    log += [part(number, 1) for number in range(PARTITIONS)]
    (rule,) = fed(fold, log, 4)
    assert (rule.task, rule.window_end_at) == ("stranger", 60_000)
    assert fold.oldest_open() is None


def test_new_partitions_are_waited_for_also_where_another_does_not_know_of_them() -> None:
    fold = started()
    data = {"a": summary(4, 0.5)}
    assert len(fed(fold, [part(0, 0, data, partitions=1)])) == 1
    assert fed(fold, [part(1, 0, partitions=2), part(0, 1, data, partitions=1)]) == []
    assert len(fed(fold, [part(1, 1, partitions=2)])) == 1


def test_a_rule_names_the_first_reading_of_its_last_part() -> None:
    data = {"a": summary(4, 0.5)}
    log = [part(2, 0, data), part(1, 0, data), part(1, 0, data), part(2, 0, data), part(0, 0)]
    (rule,) = fed(started(), log)
    assert rule.inputs.scores == 2
    (rule,) = fed(started(), [part(2, 0, data), part(0, 0, data), part(1, 0)])
    assert rule.inputs.scores == 2


def test_parts_wait_for_the_configuration() -> None:
    fold = RuleFold()
    log = [part(number, 0, {"a": summary(4, 0.5)}) for number in range(PARTITIONS)]
    assert fed(fold, log) == []
    first = fold.control(0, configure())
    assert first is not None
    assert (first.version, first.window_end_at) == (1, 0)
    (rule,) = fold.score(3, part(0, 1))
    assert (rule.version, rule.window_end_at) == (2, 60_000)


def test_windows_that_waited_for_a_configuration_need_no_further_part() -> None:
    fold = RuleFold()
    fed(fold, [part(number, 0, {"a": summary(4, 0.5)}) for number in range(PARTITIONS)])
    assert fold.control(0, configure()) is not None
    (rule,) = fold.whole()
    assert (rule.version, rule.window_end_at) == (2, 60_000)
    assert list(fold.whole()) == []
