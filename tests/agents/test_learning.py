"""What a window does to what is remembered: sums, panes, service and price, alarms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.learning import observe, service_micro
from schemas.routing_rule import ModelState, PolicyState
from schemas.window_score import ModelSummary
from schemas.wire import INT_MAX, MILLION, decode, encode
from streams import latency
from streams.summaries import merge
from tests.agents.rule_parts import configuration, summary, window, windows

NANO = 1_000_000_000


@given(st.lists(windows, max_size=5), st.floats(0.01, 1))
def test_rewards_stay_between_nothing_and_trials(
    seen: list[dict[str, ModelSummary]], discount: float
) -> None:
    state = PolicyState()
    for number, models in enumerate(seen):
        state = observe(configuration(discount=discount), state, window(number, models))
    assert state.windows == len(seen)
    for model in state.models.values():
        assert 0 <= model.reward_micro <= model.trials_micro
        assert 0 <= model.errors_micro <= model.outcomes_micro


def test_a_failure_is_a_trial_without_reward_and_what_is_old_counts_less() -> None:
    settings = configuration(discount=0.5)
    once = observe(settings, PolicyState(), window(0, {"a": summary(8, 0.75, 2.0, errors=2)}))
    first = once.models["a"]
    assert (first.trials_micro, first.reward_micro) == (10 * MILLION, 6 * MILLION)
    assert (first.outcomes_micro, first.errors_micro) == (10 * MILLION, 2 * MILLION)
    assert first.response_time_us_micro == 20 * MILLION * MILLION
    twice = observe(settings, once, window(1, {}))
    assert twice.models["a"].trials_micro == 5 * MILLION
    assert twice.models["a"].response_time_us_micro == 10 * MILLION * MILLION


def folded(panes: int, *seen: ModelSummary, **changes: float) -> ModelState:
    """Model a after its panes, one after the other."""
    state = PolicyState()
    for number, one in enumerate(seen):
        state = observe(configuration(panes=panes, **changes), state, window(number, {"a": one}))
    return state.models["a"]


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), min_size=4, max_size=4))
def test_without_forgetting_four_panes_are_one_window(given: list[tuple[int, float]]) -> None:
    panes = [summary(count, accuracy) for count, accuracy in given]
    assert folded(4, *panes) == folded(1, merge(panes))


@given(st.integers(0, 500), st.floats(0, 1), st.integers(0, 90), st.floats(0.2, 1))
def test_four_panes_forget_as_much_as_one_window(
    count: int, accuracy: float, more: int, discount: float
) -> None:
    old, new, nothing = summary(count, accuracy), summary(more, 0.5), ModelSummary()
    once = folded(1, old, new, discount=discount)
    paned = folded(4, old, nothing, nothing, nothing, new, discount=discount)
    for name in ("trials_micro", "reward_micro", "outcomes_micro"):
        assert getattr(paned, name) == pytest.approx(getattr(once, name), rel=1e-5, abs=5)


def test_what_came_in_an_earlier_pane_has_been_forgotten_a_little() -> None:
    assert folded(4, summary(100, 1.0), summary(100, 1.0), discount=0.0625).trials_micro == (
        150 * MILLION
    )


@pytest.mark.parametrize(
    ("given", "target_s", "service"),
    [
        (summary(10, 1.0, 2.0), 2.0, 0.5),
        (summary(10, 0.0, 0.0), 2.0, 1.0),
        (summary(10, 1.0, 18.0), 2.0, 0.1),
        (summary(10, 1.0, 2.0), 18.0, 0.9),
        (summary(0, 0.0, 2.0, errors=10), 2.0, 0.0),
        (summary(0, 0.0, 0.001, errors=10), 2.0, 0.0),
        (summary(5, 1.0, 2.0, errors=5), 2.0, 0.25),
        (merge([summary(5, 1.0, 2.0), summary(5, 1.0, 18.0)]), 2.0, 0.3),
    ],
)
def test_service(given: ModelSummary, target_s: float, service: float) -> None:
    settings = configuration(latency_target_s=target_s)
    found = service_micro(settings, given) / given.outcomes / MILLION
    assert found == pytest.approx(service, abs=0.005)  # buckets are 1 % wide


@given(st.floats(0, 1e9), st.floats(0.001, 1e6), st.integers(0, 9), st.integers(1, 9))
def test_service_is_a_fraction_and_longer_is_worse(
    seconds: float, target_s: float, errors: int, answers: int
) -> None:
    settings = configuration(latency_target_s=target_s)
    one = summary(answers, 1.0, seconds, errors)
    longer = summary(answers, 1.0, seconds * 2 + 0.001, errors)
    assert 0 <= service_micro(settings, longer) <= service_micro(settings, one)
    assert service_micro(settings, one) <= one.outcomes * MILLION


def test_speed_and_price_are_forgotten_by_their_own_discount() -> None:
    dear = ModelSummary(outcomes=10, latency={latency.bucket(10.0): 10}, cost_nano=10 * NANO)
    cheap = ModelSummary(outcomes=10, latency={latency.bucket(0.0): 10}, cost_nano=0)
    found = folded(1, dear, cheap, service_discount=0.25)
    assert found.service_weight_micro == 12.5 * MILLION
    assert found.cost_nano == 2.5 * NANO
    assert found.service_micro == pytest.approx((10 + 1.25) * MILLION, rel=0.01)
    assert found.outcomes_micro == 20 * MILLION


def test_a_window_without_outcomes_leaves_speed_and_price_alone() -> None:
    judged = ModelSummary(judgements=3, trust_micro=3 * MILLION, accuracy_micro=MILLION)
    before, after = (
        folded(1, *seen, service_discount=0.5)
        for seen in ([summary(9, 0.5)], [summary(9, 0.5), judged])
    )
    assert before.service_weight_micro == after.service_weight_micro == 9 * MILLION
    assert before.service_micro == after.service_micro > 0
    assert after.trials_micro == 12 * MILLION


@given(st.lists(windows, max_size=6), st.floats(0.01, 1), st.integers(1, 4))
def test_sums_are_whole_bounded_and_readable(
    seen: list[dict[str, ModelSummary]], discount: float, panes: int
) -> None:
    settings = configuration(
        discount=discount, service_discount=discount, panes=panes, detection=True
    )
    state = PolicyState()
    for number, models in enumerate(seen):
        state = observe(settings, state, window(number, models))
        assert decode(PolicyState, encode(state)) == state
        for model in state.models.values():
            assert 0 <= model.service_micro <= model.service_weight_micro


def test_absurd_prices_and_times_can_still_be_read() -> None:
    absurd = ModelSummary(outcomes=1, response_time_us=INT_MAX, cost_nano=INT_MAX)
    found = folded(1, *[absurd] * 3)
    assert decode(ModelState, encode(found)) == found
    assert found.cost_nano <= INT_MAX


GOOD, BAD = summary(20, 0.9), summary(20, 0.2)


def alarms(*seen: ModelSummary, detection: bool = True) -> list[int]:
    """The number of the newest alarm after each window; model b never changes."""
    state, found = PolicyState(), []
    for number, one in enumerate(seen):
        models = {"a": one, "b": summary(20, 0.6)}
        state = observe(configuration(detection=detection), state, window(number, models))
        found.append(state.alarm_window)
    return found


def test_an_alarm_is_noted_at_a_fall_and_at_a_return_and_at_nothing_else() -> None:
    seen = [GOOD] * 5 + [BAD] * 4 + [GOOD] * 4
    assert alarms(*seen) == [0] * 5 + [6] * 4 + [10] * 4
    assert alarms(*seen, detection=False) == [0] * 13


def test_who_turns_detection_off_has_no_fallen_models() -> None:
    fallen = PolicyState()
    for number, one in enumerate([GOOD] * 5 + [BAD] * 2):
        fallen = observe(configuration(detection=True), fallen, window(number, {"a": one}))
    assert fallen.models["a"].reference_trials_micro > 0
    off = observe(configuration(detection=False), fallen, window(7, {}))
    assert off.models["a"].reference_trials_micro == off.models["a"].since_trials_micro == 0
    assert off.models["a"].trials_micro == fallen.models["a"].trials_micro
