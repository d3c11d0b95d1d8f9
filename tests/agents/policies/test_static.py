"""``static`` and the prior."""

from __future__ import annotations

import pytest

from agents.policies.policy import largest, prior_shares
from agents.policies.static import weigh
from tests.agents.rule_parts import configuration, state


@pytest.mark.parametrize(
    ("prior", "models", "expected"),
    [
        ({"a": 0.5, "b": 0.25, "c": 0.25}, "abc", {"a": 0.5, "b": 0.25, "c": 0.25}),
        ({"a": 0.5, "b": 0.25, "c": 0.25}, "bc", {"b": 0.5, "c": 0.5}),
        ({"a": 1.0}, "bc", {"b": 0.5, "c": 0.5}),
        ({}, "abc", dict.fromkeys("abc", 1 / 3)),
    ],
)
def test_the_prior_whatever_happens(
    prior: dict[str, float], models: str, expected: dict[str, float]
) -> None:
    settings = configuration(prior=prior)
    assert prior_shares(settings, models) == pytest.approx(expected)
    assert weigh(settings, state(a=(0, 900)), models).weights == pytest.approx(expected)


def test_of_equals_the_first_by_name_is_the_largest() -> None:
    assert largest({"c": 0.4, "b": 0.4, "a": 0.2}) == "b"
