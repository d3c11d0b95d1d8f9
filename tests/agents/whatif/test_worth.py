"""What a decision counts for under each objective; and a decision from before any rule."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from agents.whatif.choices import Choice
from agents.whatif.eligibility import Eligibility
from agents.whatif.policy_rules import PolicyRules
from agents.whatif.worth import worths
from schemas.assignment import Decision
from tests.agents.whatif.world import settings_of

CHOICE = Choice("q", 1, "code", "a", "q", 0, 0, 0.5, 1.0, 0.8, True, 10.0, 0.2)
FAILED = replace(CHOICE, query_id="f", trust=0.0, reward=0.0, ok=False)
UNTIMED = replace(CHOICE, query_id="u", ok=None, response_time_s=None)


def test_each_objective_by_hand() -> None:
    settings = settings_of("a", "b", quality_weight=2.0, latency_weight=1.0, price_weight=1.0)
    assert worths("accuracy", [CHOICE, FAILED, UNTIMED], settings) == [(0.8, 1), (0, 1), (0.8, 1)]
    timed, failed, untimed = worths("inverse-latency", [CHOICE, FAILED, UNTIMED], settings)
    assert (timed, failed) == ((0.8, 10.0), (0.0, 10.0))
    assert math.isnan(untimed[0])
    # Of one model, which is the dearest; 10 s are the target: (2 x 0.8 + 0.5 + 0) / 4.
    ((worth, _),) = worths("balanced", [CHOICE], settings)
    assert worth == pytest.approx((1.6 + 0.5) / 4)


def test_before_the_first_rule_any_policy_would_have_done_the_same() -> None:
    chances = {"a": 0.5, "b": 0.5}
    eligibility = Eligibility()
    eligibility.add_decision(
        "q",
        Decision(
            model="a",
            task="code",
            kind="policy",
            eligible=["a", "b"],
            propensities=chances,
            rule_version=0,
            reason="",
            decided_at=0,
        ),
    )
    assert PolicyRules("ucb", (), eligibility).weights(CHOICE) == chances
    assert PolicyRules("ucb", (), Eligibility()).weights(CHOICE) is None
