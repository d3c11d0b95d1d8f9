"""Every measure on worlds small enough to count by hand."""

from __future__ import annotations

import math

import pytest

from agents.evaluation.course import Rule
from agents.evaluation.measures import accuracies, largest_share, measure
from agents.evaluation.shifts import Shift
from tests.agents.evaluation.recorded import outcomes, plan, run, steady

SIX = outcomes(
    {
        "x": {"a": [1, 0, 1], "b": [0, 1, 0.5]},
        "y": {"a": [0, 0, 1], "b": [1, 0, 1], "c": [1, 1, 1]},
    }
)


def test_accuracies() -> None:
    found = accuracies(run(SIX, [0, 0, 1, 2, 1, 0]))
    assert found == pytest.approx(
        {
            "accuracy": (1 + 0 + 0.5 + 1 + 0 + 1) / 6,
            "accuracy_last_two_thirds": (0.5 + 1 + 0 + 1) / 4,
            "last_two_thirds_of_best": (2.5 / 4) / (5 / 6),
            "best_single": 3.5 / 6,  # b; c doesn't serve x
            "best_per_task": (2 + 3) / 6,
            "oracle": 6 / 6,
            "uniform": (0.5 + 0.5 + 0.75 + 2 / 3 + 1 / 3 + 1) / 6,
        }
    )


def test_no_single_model_serves_all() -> None:
    world = outcomes({"x": {"a": [1]}, "y": {"b": [1]}})
    assert accuracies(run(world, [0, 1]))["best_single"] is None


def test_nothing_right_at_all() -> None:
    found = accuracies(run(outcomes({"x": {"a": [0], "b": [0]}}), [0]))
    assert found["last_two_thirds_of_best"] is None


def test_largest_share() -> None:
    shares = [
        [0.5, 0.5, 0],
        [0.2, 0.8, 0],
        [0.2, 0.8, 0],
        [0, 0.1, 0.9],
        [0.9, 0.1, 0],
        [0.4, 0.6, 0],
    ]
    assert largest_share(run(SIX, [0] * 6, shares=shares)) == pytest.approx((2.1 + 1.3) / 6)


def rule(at_s: int, task: str = "x", **weights: float) -> Rule:
    """A rule that follows from windows up to that second."""
    return Rule(task, at_s * 1000, weights)


# Windows of 4 s; 24 queries: windows 0 to 5, of which 0 to 4 close; 2 to 4 are the last two thirds.
LONG = outcomes({"x": {"a": [0.9] * 24, "b": [0.885] * 24, "c": [0.5] * 24}})
COURSE = [
    rule(0, a=0.4, b=0.3, c=0.3),
    rule(4, b=0.8, a=0.2, c=0.0),  # in window 0: not counted
    rule(8, a=0.8, b=0.2, c=0.0),  # window 1: not counted
    rule(12, b=0.8, a=0.2, c=0.0),  # window 2: counted, not bad
    rule(16, b=0.8, a=0.2, c=0.0),
    rule(20, c=0.8, b=0.2, a=0.0),  # window 4: counted, bad
]


def test_switches() -> None:
    found = measure(plan(LONG), run(LONG, [0] * 24, COURSE)).figures
    assert found["switch_rate"] == pytest.approx(2 / 3)
    assert found["bad_switch_rate"] == pytest.approx(1 / 3)
    assert found["rules_published"] == 6
    assert found["windows"] == 6


def test_there_and_back_in_one_windows_panes_is_one_switch() -> None:
    rules = [rule(0, a=1, b=0), rule(13, a=0, b=1), rule(14, a=1, b=0), rule(16, a=1, b=0)]
    found = measure(plan(LONG), run(LONG, [0] * 24, rules)).figures
    assert found["switch_rate"] == pytest.approx(1 / 3)


def test_each_task_counts_in_each_window() -> None:
    world = outcomes({"x": steady(12, a=1, b=1, c=1), "y": steady(12, a=1, b=1)})
    found = measure(plan(world), run(world, [0] * 24, [*COURSE[:4], rule(0, "y", a=1, b=0)]))
    assert found.figures["switch_rate"] == pytest.approx(1 / 6)


def test_no_window_closed() -> None:
    world = outcomes({"x": steady(4, a=1, b=1)})
    found = measure(plan(world), run(world, [0] * 4, [rule(0, a=1, b=0)])).figures
    assert (found["switch_rate"], found["bad_switch_rate"], found["windows"]) == (None, None, 1)


DROP = Shift(at=0.25, restore_at=0.75, model="a", points=-0.4)
SHIFTED = (6, 18)


def shifted(
    *rules: Rule, shift: Shift = DROP, at: tuple[int, int] = SHIFTED
) -> tuple[list[float], list[float]]:
    """Windows to leave and to find, in the world of three models."""
    found = measure(plan(LONG, shift), run(LONG, [0] * 24, rules, at))
    return found.leave_windows, found.found_windows


LED = rule(4, a=0.6, b=0.2, c=0.2)
FIRST = rule(0, a=0.4, b=0.3, c=0.3)


def test_leaving_counts_from_the_shift_to_a_weight_below_a_fifth() -> None:
    course = FIRST, LED, rule(8, a=0.2, b=0.8, c=0), rule(12, a=0.19, b=0.81, c=0)
    assert shifted(*course)[0] == [(12 - 6) / 4]


def test_one_that_is_never_left_before_the_restoration() -> None:
    assert shifted(FIRST, LED, rule(20, a=0, b=1, c=0))[0] == [math.inf]


def test_a_model_that_did_not_lead_need_not_be_left() -> None:
    assert shifted(FIRST, rule(4, a=0.3, b=0.7, c=0.0), rule(8, a=0.1, b=0.9, c=0.0))[0] == []


def test_only_the_named_model_is_to_be_left_however_bad_another_leader_is() -> None:
    assert shifted(FIRST, rule(4, a=0.1, b=0.1, c=0.8), rule(8, a=0.5, b=0.5, c=0.0))[0] == []


def test_a_leader_with_less_than_a_fifth_has_nothing_to_lose() -> None:
    world = outcomes({"x": dict.fromkeys("abcdef", [0.9] * 24)})
    sixths = {**dict.fromkeys("abcdef", 0.16), "a": 0.19}
    course = [Rule("x", 0, dict.fromkeys("abcdef", 1 / 6)), Rule("x", 4000, sixths)]
    found = measure(plan(world, DROP), run(world, [0] * 24, course, SHIFTED))
    assert found.leave_windows == []


def test_a_drop_that_leaves_it_the_best_is_no_reason_to_leave() -> None:
    small = Shift(at=0.25, restore_at=0.75, model="a", points=-0.01)
    assert shifted(FIRST, LED, rule(8, a=0, b=1, c=0), shift=small) == ([], [])


def test_finding_counts_from_the_restoration_to_more_than_half() -> None:
    course = FIRST, LED, rule(8, a=0, b=1, c=0), rule(20, a=0.5, b=0.5, c=0)
    assert shifted(*course)[1] == [math.inf]
    assert shifted(*course, rule(24, a=0.51, b=0.49, c=0))[1] == [(24 - 18) / 4]


def test_a_model_that_never_led_cannot_be_found_again() -> None:
    course = FIRST, rule(4, a=0.2, b=0.6, c=0.2), rule(24, a=0.9, b=0.1, c=0)
    assert shifted(*course)[1] == []


def test_one_that_becomes_the_best_is_found_though_it_never_led() -> None:
    better = Shift(at=0.25, restore_at=1.0, model="c", points=0.5)
    course = FIRST, LED, rule(8, a=0.2, b=0.2, c=0.6)
    assert shifted(*course, shift=better, at=(6, 24)) == ([], [0.5])


def test_one_that_was_never_left_is_found_at_once() -> None:
    assert shifted(FIRST, LED)[1] == [0.0]


def test_without_restoration_the_new_best_is_to_be_found() -> None:
    forever = Shift(at=0.25, restore_at=1.0, model="a", points=-0.4)
    course = FIRST, LED, rule(12, a=0.1, b=0.9, c=0)
    assert shifted(*course, shift=forever, at=(6, 24)) == ([(12 - 6) / 4], [(12 - 6) / 4])


def test_with_another_file_whoever_led_is_to_be_left() -> None:
    other = outcomes({"x": steady(24, a=0.5, b=0.5, c=0.9)})
    swap = Shift(at=0.25, restore_at=1.0, other=other)
    course = FIRST, rule(4, a=0.3, b=0.7, c=0), rule(8, a=0, b=0.15, c=0.85)
    assert shifted(*course, shift=swap, at=(6, 24)) == ([0.5], [0.5])


def test_what_is_bad_is_judged_by_the_world_at_the_time() -> None:
    other = outcomes({"x": steady(24, a=0.5, b=0.5, c=0.9)})
    swap = Shift(at=0.75, restore_at=1.0, other=other)
    found = measure(plan(LONG, swap), run(LONG, [0] * 24, COURSE, (18, 24))).figures
    assert found["switch_rate"] == pytest.approx(2 / 3)
    assert found["bad_switch_rate"] == 0


def test_without_a_shift_nothing_is_to_be_left() -> None:
    found = measure(plan(LONG), run(LONG, [0] * 24, COURSE))
    assert (found.leave_windows, found.found_windows) == ([], [])
