"""The breaker's states, call by call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.breaker import Breaker, Call
from agents.model_error import ModelError
from schemas.assignment import ErrorKind
from streams.settings import Breaker as Settings

QUICK = Settings(failures=3, rate=0.5, window=6, open_s=4.0, longest_open_s=10.0, probes=2)
DOWN = ModelError("unreachable", "nobody there")


def begun(breaker: Breaker, now_s: float) -> Call:
    call = breaker.begin(now_s)
    assert call is not None
    return call


def after(*errors: ModelError | None, settings: Settings = QUICK) -> Breaker:
    """A breaker that has seen these calls, one after another, at time 0."""
    breaker = Breaker(settings, "model")
    for error in errors:
        breaker.end(begun(breaker, 0.0), error, 0.0)
    return breaker


def probed(breaker: Breaker, error: ModelError | None) -> float:
    """Probes it as soon as it may be; returns when that is."""
    now_s = breaker.opens_until_s
    assert breaker.begin(now_s - 0.001) is None
    breaker.end(begun(breaker, now_s), error, now_s)
    return now_s


def test_it_opens_at_enough_failures() -> None:
    assert after(DOWN, DOWN).state == "healthy"
    assert after(None, None, None, DOWN, DOWN).state == "healthy"
    assert after(None, None, None, DOWN, DOWN, DOWN).state == "open", "half of six"
    assert after(None, None, None, None, DOWN, DOWN, DOWN).state == "open", "of the last six"
    opened = after(DOWN, DOWN, DOWN)
    assert (opened.state, opened.begin(0.0)) == ("open", None)
    assert opened.reason == "3 of the last 3 calls failed; unreachable: nobody there"


def test_a_model_that_rejects_a_query_is_up() -> None:
    kinds: list[ErrorKind] = ["rejected", "cancelled", "deadline"]
    for kind in kinds:
        assert after(*[ModelError(kind, "")] * 9).state == "healthy"


def test_it_takes_all_probes_in_a_row_to_close_it() -> None:
    breaker = after(DOWN, DOWN, DOWN)
    now_s = probed(breaker, None)
    assert breaker.state == "probing"
    breaker.end(begun(breaker, now_s), None, now_s)
    assert (breaker.state, breaker.reason) == ("healthy", "2 probes succeeded")
    assert all(breaker.begin(now_s) for _ in range(99))


def test_no_more_probes_than_it_takes() -> None:
    breaker = after(DOWN, DOWN, DOWN)
    now_s = breaker.opens_until_s
    first, second = begun(breaker, now_s), begun(breaker, now_s)
    assert breaker.begin(now_s) is None
    breaker.give_up(first)
    third = begun(breaker, now_s)
    breaker.end(second, None, now_s)
    assert breaker.begin(now_s) is None, "one has succeeded, one is under way"
    breaker.end(third, None, now_s)
    assert breaker.state == "healthy"


def test_each_failed_probe_doubles_the_pause_up_to_its_limit() -> None:
    breaker = after(DOWN, DOWN, DOWN)
    pauses, opened_s = [], 0.0
    for _ in range(5):
        pauses.append(breaker.opens_until_s - opened_s)
        opened_s = probed(breaker, DOWN)
        assert breaker.state == "open"
    for pause_s, step_s in zip(pauses, [4, 8, 10, 10, 10], strict=True):
        assert step_s / 2 <= pause_s <= step_s
    now_s = probed(breaker, None)
    breaker.end(begun(breaker, now_s), None, now_s)
    for _ in range(3):
        breaker.end(begun(breaker, now_s), DOWN, now_s)
    assert breaker.opens_until_s - now_s <= 4, "after a recovery it begins anew"


def test_it_stays_open_as_long_as_the_model_asks_within_the_limit() -> None:
    busy = ModelError("overloaded", "", 7.0)
    assert after(busy, busy, busy).opens_until_s == 7.0
    away = ModelError("overloaded", "", 86_400.0)
    assert after(away, away, away).opens_until_s == 10.0


def test_a_call_from_before_a_change_says_nothing() -> None:
    breaker = Breaker(QUICK, "model")
    old = [begun(breaker, 0.0) for _ in range(9)]
    for call in old[:3]:
        breaker.end(call, DOWN, 0.0)
    until_s = breaker.opens_until_s
    for call in old[3:6]:
        breaker.end(call, DOWN, 1.0)
    assert (breaker.state, breaker.opens_until_s) == ("open", until_s)
    breaker.wake(until_s)
    breaker.end(old[6], DOWN, until_s)
    breaker.end(old[7], None, until_s)
    breaker.give_up(old[8])
    assert breaker.state == "probing"
    assert [breaker.begin(until_s) is not None for _ in range(3)] == [True, True, False]


@given(st.lists(st.tuples(st.sampled_from("bsfg"), st.integers(0, 30)), max_size=200))
def test_whatever_happens_it_never_stays_shut(steps: list[tuple[str, int]]) -> None:
    """Calls end in any order, perhaps never; when all have ended, it can be asked in time."""
    breaker, calls, now_s = Breaker(QUICK, "model"), list[Call](), 0.0
    for verb, number in steps:
        now_s += number / 10
        if verb == "b":
            if (call := breaker.begin(now_s)) is not None:
                calls.append(call)
            assert (call is None) <= (breaker.state != "healthy")
        elif calls:
            call = calls.pop(number % len(calls))
            if verb == "g":
                breaker.give_up(call)
            else:
                breaker.end(call, DOWN if verb == "f" else None, now_s)
        assert breaker.opens_until_s <= now_s + QUICK.longest_open_s
    for call in calls:
        breaker.give_up(call)
    assert breaker.begin(now_s + QUICK.longest_open_s) is not None


def test_a_server_that_is_down_opens_it_whatever_its_calls_said() -> None:
    breaker = after(None)
    assert breaker.looked("away") is False, "it has just answered"
    assert breaker.looked("away") is True
    assert (breaker.state, breaker.reason, breaker.wakes_at_s) == ("open", "away", None)
    assert breaker.begin(99.0) is None
    assert breaker.looked("away") is False
    assert breaker.looked(None) is True
    assert breaker.state == "healthy"


def test_an_answer_proves_that_the_server_is_up() -> None:
    breaker = after()
    call = begun(breaker, 0.0)
    breaker.looked("its /health gave no answer")
    breaker.end(call, None, 1.0)
    assert breaker.state == "healthy"


def test_a_server_that_is_up_closes_nothing_that_calls_have_opened() -> None:
    breaker = after(DOWN, DOWN, DOWN)
    breaker.looked("away")
    breaker.looked(None)
    assert (breaker.state, breaker.wakes_at_s) == ("open", breaker.opens_until_s)
    probed(breaker, None)
    assert breaker.state == "probing"
