"""Controls into rules: configurations, orders, and what a restart knows of them."""

from __future__ import annotations

import pytest

from agents.merging import RuleFold
from agents.tuning import digest
from schemas.wire import MILLION
from tests.agents.rule_parts import configuration, summary
from tests.agents.score_log import configure, fed, order, part, started


def test_a_changed_configuration_gives_a_rule_and_the_same_one_does_not() -> None:
    fold = RuleFold()
    first = fold.control(0, configure())
    assert fold.control(1, configure()) is None
    second = fold.control(2, configure(margin=0.5))
    assert first is not None
    assert second is not None
    assert (first.version, second.version) == (1, 2)
    assert first.configuration_digest == digest(configuration())
    assert second.configuration_digest == digest(configuration(margin=0.5))
    assert second.inputs.controls == 3
    assert fold.configurations() == {"code": configuration(margin=0.5)}


@pytest.mark.parametrize(
    ("orders", "weights", "state"),
    [
        ([("pin", "b")], {"b": MILLION}, ("b", False, [])),
        ([("pin", "b"), ("pin", "c")], {"c": MILLION}, ("c", False, [])),
        ([("pin", "b"), ("unpin", None)], None, (None, False, [])),
        ([("freeze", None)], None, (None, True, [])),
        ([("freeze", None), ("unfreeze", None)], None, (None, False, [])),
        ([("exclude", "a")], {"b": 500_000, "c": 500_000}, (None, False, ["a"])),
        ([("exclude", "a"), ("exclude", "b")], {"c": MILLION}, (None, False, ["a", "b"])),
        ([("exclude", "a"), ("include", "a")], None, (None, False, [])),
        ([("freeze", None), ("pin", "b"), ("unpin", None)], {"b": MILLION}, (None, True, [])),
    ],
)
def test_orders(
    orders: list[tuple[str, str | None]],
    weights: dict[str, int] | None,
    state: tuple[str | None, bool, list[str]],
) -> None:
    fold = started()
    rules = [fold.control(10 + n, order(action, model)) for n, (action, model) in enumerate(orders)]
    last = rules[-1]
    assert last is not None
    assert [rule and rule.version for rule in rules] == list(range(2, 2 + len(orders)))
    assert last.weights == (weights or {"a": 333_334, "b": 333_333, "c": 333_333})
    assert (last.pinned, last.frozen, last.excluded) == state


def test_an_order_that_changes_nothing_makes_no_rule() -> None:
    fold = started()
    assert fold.control(1, order("unpin")) is None
    assert fold.control(2, order("include", "a")) is None


def test_an_order_for_one_task_leaves_the_others() -> None:
    fold = started("code", "reasoning")
    rule = fold.control(2, order("pin", "b", task="reasoning"))
    assert rule is not None
    assert rule.task == "reasoning"
    (of_code,) = fed(fold, [part(0, 0, {"a": summary(1, 1)}, partitions=1)])
    assert of_code.pinned is None


def test_controls_that_the_newest_rule_has_seen_are_only_remembered() -> None:
    controls = [configure(), order("pin", "b"), order("exclude", "c")]
    fold = RuleFold()
    rules = [fold.control(offset, control) for offset, control in enumerate(controls)]
    assert rules[-1] is not None
    again = RuleFold([rules[-1]])
    assert [again.control(offset, control) for offset, control in enumerate(controls)] == [None] * 3
    expected = fold.control(3, order("unpin"))
    assert again.control(3, order("unpin")) == expected is not None


def test_orders_outlive_the_retention_of_controls() -> None:
    """The pin is gone from the topic, the rule still has it."""
    fold = started()
    pinned = fold.control(1, order("pin", "b"))
    assert pinned is not None
    again = RuleFold([pinned])
    assert again.control(9, configure()) is None
    (rule,) = again.score(0, part(0, 0, {"a": summary(9, 1.0)}, partitions=1))
    assert rule.weights == {"b": MILLION}
