"""``seed``, case by case: the starting idea's rule and nothing else."""

from __future__ import annotations

import pytest

from agents.policies.seed import weigh
from agents.tuning import Orders, next_rule
from schemas.routing_rule import Inputs, PolicyState
from tests.agents.rule_parts import configuration, shares, state, summary, window

CODE = configuration(policy="seed", prior={"a": 1.0})


@pytest.mark.parametrize(
    ("known", "assigned", "reason"),
    [
        # (right, wrong, seconds): the score is accuracy / seconds
        ({}, "a", "no scores yet, a stays"),
        ({"a": (9, 1, 1.0)}, "a", "best score 0.900 of a is not below 0.8, a stays"),
        ({"a": (8, 2, 1.0)}, "a", "best score 0.800 of a is not below 0.8, a stays"),
        ({"a": (79, 21, 1.0)}, "a", "best score 0.790 is below 0.8, stays on a"),
        ({"a": (5, 5, 1.0), "b": (7, 3, 1.0)}, "b", "best score 0.700 is below 0.8, reassigned"),
        # a better one exists, but the best isn't below 0.8: nothing is reassigned
        ({"a": (5, 5, 1.0), "b": (9, 1, 1.0)}, "a", "best score 0.900 of b is not below"),
        # no upper bound: a fast model that is mostly wrong keeps everything as it is
        ({"a": (0, 10, 1.0), "b": (1, 9, 0.1)}, "a", "best score 1.000 of b is not below"),
        # slow but right loses to fast and less right
        ({"a": (10, 0, 10.0), "c": (5, 5, 2.0)}, "c", "best score 0.250 is below 0.8, reassigned"),
        ({"a": (5, 5, 2.0), "c": (10, 0, 10.0)}, "a", "best score 0.250 is below 0.8, stays on a"),
        # equal scores: the first by name
        ({"b": (5, 5, 1.0), "c": (5, 5, 1.0)}, "b", "best score 0.500 is below 0.8, reassigned"),
        # scores of 0 are scores
        ({"a": (0, 5, 1.0)}, "a", "best score 0.000 is below 0.8, stays on a"),
    ],
)
def test_the_rule(known: dict[str, tuple[float, float, float]], assigned: str, reason: str) -> None:
    proposal = weigh(CODE, state(**known), CODE.candidates)
    assert proposal.assigned == assigned
    assert proposal.weights == {name: float(name == assigned) for name in "abc"}
    assert proposal.reason.startswith(f"seed: {reason}")


def test_the_threshold_is_a_setting() -> None:
    known = state(a=(5, 5, 1.0), b=(6, 4, 1.0))
    assert weigh(configuration(prior={"a": 1.0}, seed_threshold=0.5), known, "abc").assigned == "a"
    assert weigh(configuration(prior={"a": 1.0}, seed_threshold=0.7), known, "abc").assigned == "b"


def test_the_assignment_lasts_until_the_rule_changes_it() -> None:
    kept = PolicyState(models=state(c=(9, 1, 1.0)).models, assigned="b")
    assert weigh(CODE, kept, "abc").assigned == "b"


def test_an_excluded_model_is_neither_assigned_nor_scored() -> None:
    known = state(a=(9, 1, 1.0), b=(1, 9, 1.0))
    proposal = weigh(CODE, PolicyState(models=known.models, assigned="a"), ["b", "c"])
    assert proposal.weights == {"b": 1.0, "c": 0.0}
    assert proposal.reason == "seed: best score 0.100 is below 0.8, stays on b"


def test_over_windows_with_the_means_of_all_that_was_collected() -> None:
    rule = None
    leaders = []
    for number, accuracy in enumerate([0.9, 0.9, 0.1, 0.1]):
        seen = window(number, {"a": summary(10, accuracy), "b": summary(10, 0.6)})
        rule = next_rule(CODE, Orders(), rule, seen, Inputs())
        leaders.append(max(rule.weights, key=rule.weights.__getitem__))
    # means of a: .9, .9, .63, .5; then the best is b's .6, below .8
    assert leaders == ["a", "a", "a", "b"]


def test_a_reassignment_is_remembered_when_scores_are_good_again() -> None:
    rule = None
    for number, (of_a, of_b) in enumerate([(0.1, 0.6), (0.9, 1.0), (1.0, 1.0), (1.0, 1.0)]):
        seen = window(number, {"a": summary(10, of_a), "b": summary(10, of_b)})
        rule = next_rule(CODE, Orders(), rule, seen, Inputs())
    assert rule is not None
    assert rule.state.assigned == "b"
    assert shares(rule) == {"a": 0.0, "b": 1.0, "c": 0.0}
    assert rule.reason == "seed: best score 0.900 of b is not below 0.8, b stays"


def test_with_exploration_the_others_are_scored_too() -> None:
    rule = next_rule(
        configuration(policy="seed", prior={"a": 1.0}, exploration=0.02),
        Orders(),
        None,
        None,
        Inputs(),
    )
    assert shares(rule) == {"a": 0.98, "b": 0.01, "c": 0.01}
