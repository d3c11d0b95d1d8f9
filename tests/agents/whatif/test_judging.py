"""Whole logs, written by the router's and the tuner's own code, and what they can answer."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from agents.whatif.reading import Question
from agents.whatif.rules_file import FixedRules
from schemas.control import Control
from schemas.query import Query
from tests.agents.whatif.lived import MIX, RATES, asked, lived, told
from tests.agents.whatif.world import World, settings_of


async def test_the_logged_policy_asked_about_gives_the_logged_value() -> None:
    world = lived(fails=0.05)
    (found,) = await world.ask_about(Question("accuracy", policies=["thompson"]))
    row = found.tasks[0]
    assert row.snips == row.ips == row.logged
    assert row.effective_sample_size == pytest.approx(1200)
    assert found.counts.no_choice > 20, "the reroutes"


async def test_another_policy_is_judged_by_its_own_rules() -> None:
    """Static never learns: its rules are the prior's, whatever was logged."""
    world = lived(count=1500)
    (found,) = await world.ask_about(Question("accuracy", policies=["static"]))
    even = await asked(world, FixedRules("even", {"code": dict.fromkeys("abc", 1.0)}))
    assert found.all.snips is not None
    assert even.all.snips is not None
    assert found.all.snips.value == pytest.approx(even.all.snips.value, abs=1e-4)
    assert found.all.answers


async def test_intervals_cover_the_truth_and_estimates_are_unbiased() -> None:
    true = 0.5 * RATES["b"] + 0.5 * RATES["c"]
    held: dict[str, list[bool]] = {"ips": [], "snips": [], "dr": []}
    values: dict[str, list[float]] = {"ips": [], "snips": [], "dr": []}
    for seed in range(40):
        row = (await asked(lived(900, seed))).all
        assert row.answers, row.sentences
        for name, own in held.items():
            one = getattr(row, name)
            own.append(one.low <= true <= one.high)
            values[name].append(one.value)
    for name, own in held.items():
        assert sum(own) >= 35, name
        error = np.std(values[name], ddof=1) / np.sqrt(40)
        assert abs(np.mean(values[name]) - true) < 4 * error, name


async def test_decisions_of_one_session_are_one_draw() -> None:
    found = (await asked(lived(sessions=150))).all
    assert found.sessions == 150
    assert found.effective_sessions < 150
    few = await asked(lived(sessions=25))
    assert not few.all.answers
    assert "come from 25 sessions" in told(few)


async def test_a_model_without_any_traffic_is_named() -> None:
    world = lived(exploration=0.0, policy="static", rates={"a": 0.5, "b": 0.7})
    found = await asked(world, FixedRules("new", {"code": {"b": 0.75, "c": 0.25}}))
    assert not found.answers
    assert found.all.unsupported == {"c": pytest.approx(0.25)}
    assert "25.0% of the target's probability" in told(found)
    assert "c (25.0%)" in told(found)
    assert found.all.logged is not None
    assert found.all.dr is None


async def test_a_model_that_the_rules_gave_no_chance_is_named() -> None:
    world = World(settings_of(*RATES, exploration=0.0, policy="greedy"))
    for number in range(600):
        query = Query(query_id=f"q{number}", task="code", prompt="-")
        world.ask(query, {"a": 0.0, "b": 1.0, "c": 0.0})
    found = await asked(world)
    assert not found.answers
    assert found.all.unsupported["c"] == pytest.approx(0.5, abs=0.05)
    assert "Give them some traffic first" in told(found)


async def test_too_little_for_a_target_far_away_is_refused() -> None:
    world = lived(600, exploration=0.05)
    found = await asked(world, FixedRules("worst", {"code": {"a": 1}}))
    assert not found.answers
    assert "effective sample size is" in told(found)


async def test_answers_that_nobody_graded_are_left_out_and_counted() -> None:
    found = await asked(lived(graded=0.8))
    row = found.tasks[0]
    assert row.decisions + row.left_out.ungraded == found.counts.choices == 1200
    assert "never graded" in told(found)


async def test_what_was_hardly_tried_at_the_time_is_said() -> None:
    """First a and b shared the traffic, and c had none of it by luck; then it had most."""
    world = World(settings_of(*RATES, policy="static", exploration=0.001))
    luck = random.Random(3)

    def ask(count: int, name: str) -> None:
        for number in range(count):
            query = Query(query_id=f"{name}{number}", task="code", prompt="-")
            world.ask(query, {m: float(luck.random() < rate) for m, rate in RATES.items()})

    prior = {"a": 0.5, "b": 0.5, "c": 0.0}
    for name, count in (("first", 100), ("late", 2000)):
        configuration = world.settings.routing_configuration("code")
        configuration = msgspec.structs.replace(configuration, prior=prior)
        world.tell(
            Control(task="code", action="configure", configuration=configuration, issued_at=0)
        )
        ask(count, name)
        prior = {"a": 0.1, "b": 0.1, "c": 0.8}
    found = await asked(world, FixedRules("c", {"code": {"c": 1}}))
    assert 0.01 < found.all.hardly_tried < 0.05
    assert "hardly ever chose the target's model" in told(found)
    ips, mean_weight = found.all.ips, found.all.mean_weight or 0
    assert ips is not None
    assert mean_weight < 0.98, "what ips misses"
    assert (ips.low or 0) <= RATES["c"] <= (ips.high or 0)
    assert found.all.snips is not None
    assert found.all.snips.value == pytest.approx(RATES["c"], abs=0.03)


async def test_times_and_tasks_choose_decisions() -> None:
    world = lived(400)
    middle = world.decisions[150].decided_at
    (late,) = await world.ask_about(Question("accuracy", rules=MIX, from_at=middle))
    (early,) = await world.ask_about(Question("accuracy", rules=MIX, until_at=middle))
    assert (late.counts.choices, early.counts.choices) == (250, 150)
    (other,) = await world.ask_about(Question("accuracy", rules=MIX, task="reasoning"))
    assert not other.answers
    assert other.counts.unwanted == 400
    elsewhere = await asked(world, FixedRules("r", {"reasoning": {"a": 1}}))
    assert "the target has rules for reasoning; the log has choices for code" in " ".join(
        elsewhere.all.sentences
    )


async def test_a_pinned_time_counts_for_nothing() -> None:
    world = lived(300)
    world.tell(Control(task="code", action="pin", model="a", issued_at=0))
    for number in range(100):
        query = Query(query_id=f"pinned{number}", task="code", prompt="-")
        world.ask(query, dict.fromkeys(RATES, 0.0))
    found = await asked(world)
    assert (found.counts.choices, found.counts.no_choice) == (300, 100)


@pytest.mark.parametrize("objective", ["balanced", "inverse-latency"])
async def test_other_objectives_have_the_logged_value_too(objective: str) -> None:
    world = lived(500)
    (found,) = await world.ask_about(Question(objective, policies=["thompson"]))
    assert found.all.snips is not None
    assert found.all.snips.value == pytest.approx(found.all.logged.value)  # type: ignore[union-attr]


async def test_retention_of_scores_starts_a_policy_at_a_logged_rule() -> None:
    world = lived(900)
    scores = world.log.topics["scores"][0]
    world.log.trim("scores", len(scores) // 2)
    (found,) = await world.ask_about(Question("accuracy", policies=["thompson"]))
    row = found.tasks[0]
    assert row.left_out.no_rule > 100
    assert row.snips is not None
    assert row.snips == row.logged


async def test_a_log_of_hardly_anything_is_refused() -> None:
    """No choice is one that the target would make: its weights are all 0."""
    world = World(settings_of(*RATES, exploration=0.3))
    query = Query(query_id="q", task="code", prompt="-")
    decision = world.ask(query, dict.fromkeys(RATES, 1.0))
    other = next(name for name in RATES if name != decision.model)
    found = await asked(world, FixedRules("other", {"code": {other: 1}}))
    assert not found.answers
    assert "No logged choice is one that the target would make" in told(found)
