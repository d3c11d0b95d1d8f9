"""What stands for a task, and how it outlives retention."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from agents.standing import REPEAT_MS, Standing, obey, repetitions, standing_of
from agents.tuning import Orders, digest
from schemas.control import Control
from schemas.routing_rule import RoutingRule
from schemas.wire import MILLION, decode, encode
from tests.agents.rule_parts import configuration

AT = 5_000


def control(action: Any, model: str | None = None, **fields: Any) -> Control:
    return Control(task="code", action=action, model=model, issued_at=AT, **fields)


CONFIGURE = control("configure", configuration=configuration())


def after(controls: Iterable[Control], standing: Standing | None = None) -> Standing:
    found = standing or Standing()
    for offset, row in enumerate(controls):
        found = obey(found, offset, row)
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], Orders()),
        ([control("pin", "a")], Orders(pinned="a")),
        ([control("pin", "a"), control("pin", "b")], Orders(pinned="b")),
        ([control("pin", "a"), control("unpin")], Orders()),
        ([control("freeze")], Orders(frozen=True)),
        ([control("freeze"), control("unfreeze")], Orders()),
        ([control("exclude", "a"), control("exclude", "b")], Orders(excluded=frozenset("ab"))),
        (
            [control("exclude", "a"), control("exclude", "b"), control("include", "a")],
            Orders(excluded=frozenset("b")),
        ),
        (
            [control("pin", "a"), control("freeze"), control("exclude", "b"), CONFIGURE],
            Orders("a", True, frozenset("b")),
        ),
    ],
)
def test_orders_stand_until_they_are_taken_back(given: list[Control], expected: Orders) -> None:
    assert after(given).orders == expected


def test_a_configuration_has_effect_by_its_digest() -> None:
    standing = after([CONFIGURE])
    assert standing.digest == digest(configuration())
    assert standing.effect == after([CONFIGURE, CONFIGURE]).effect
    other = control("configure", configuration=configuration(exploration=0.5))
    assert standing.effect != after([CONFIGURE, other]).effect


def rule(**fields: Any) -> RoutingRule:
    return RoutingRule(
        task="code",
        version=1,
        weights={"a": MILLION},
        policy="static",
        configuration_digest=digest(configuration()),
        reason="",
        **fields,
    )


def test_orders_that_a_rule_has_seen_are_taken_from_it() -> None:
    """The pin was taken back, or given, by a control that is gone."""
    standing = standing_of(rule(excluded=["c"]))
    standing = obey(standing, 3, control("pin", "a"), seen=True)
    assert standing.orders == Orders(excluded=frozenset("c"))
    standing = obey(standing, 4, CONFIGURE, seen=True)
    assert standing.configuration == configuration()


def test_the_same_configuration_again_has_no_effect_on_what_a_rule_tells() -> None:
    standing = standing_of(rule(pinned="a"))
    assert obey(standing, 7, CONFIGURE).effect == standing.effect


def due(standing: Standing, later_ms: int) -> list[Control]:
    return list(repetitions({"code": standing}, 9, AT + later_ms))


STOOD = after([control("pin", "a"), control("freeze"), control("exclude", "b"), CONFIGURE])


def test_what_stands_is_repeated_after_a_day_and_not_before() -> None:
    assert due(STOOD, REPEAT_MS - 1) == []
    again = due(STOOD, REPEAT_MS)
    assert [(row.action, row.model) for row in again] == [
        ("pin", "a"),
        ("freeze", None),
        ("exclude", "b"),
        ("configure", None),
    ]
    assert {(row.repeats, row.source, row.issued_at) for row in again} == {
        (9, "tuner", AT + REPEAT_MS)
    }
    assert [decode(Control, encode(row)) for row in again] == again


def test_what_was_taken_back_is_not_repeated() -> None:
    standing = after([control("pin", "a"), control("unpin"), CONFIGURE])
    assert [row.action for row in due(standing, REPEAT_MS)] == ["configure"]


def test_a_task_without_a_configuration_has_nothing_to_repeat() -> None:
    assert due(after([control("pin", "a")]), REPEAT_MS) == []


def test_a_clock_that_was_ahead_does_not_silence_it() -> None:
    assert due(STOOD, -REPEAT_MS)


def test_a_repetition_changes_nothing_and_starts_another_day() -> None:
    standing = STOOD
    for offset, row in enumerate(due(STOOD, REPEAT_MS), start=9):
        standing = obey(standing, offset, row)
        assert standing.effect == STOOD.effect
    assert due(standing, REPEAT_MS + REPEAT_MS - 1) == []
    assert len(due(standing, 2 * REPEAT_MS)) == 4


def test_alone_repetitions_tell_what_stood() -> None:
    assert after(due(STOOD, REPEAT_MS)).effect == STOOD.effect


def test_an_order_that_overtook_a_repetition_wins() -> None:
    """The tuner had not read the order yet when it said again what stood."""
    again = due(STOOD, REPEAT_MS)
    unpinned = obey(STOOD, 9, control("unpin"))
    for offset, row in enumerate(again, start=10):
        unpinned = obey(unpinned, offset, row)
    assert unpinned.orders == Orders(None, True, frozenset("b"))
