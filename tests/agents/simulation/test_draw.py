"""What simulated models answer, and how fast: draws, answers, vectors."""

import json
import re
import statistics

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.simulation.draw import (
    answer_for,
    draw_for,
    fault_for,
    latency_for,
    right_text,
    status_for,
    task_of,
    wrong_text,
)
from agents.simulation.embedding import embed, normalised, unrelated
from agents.simulation.profile import (
    FAULT_RATES,
    Behaviour,
    Latency,
    SimModel,
    merge,
)

TWO_LINES = "def f(x):\n    return x"


def model(**fields: object) -> SimModel:
    return merge(SimModel(name="m", protocol="tgi"), fields)


@given(p=st.floats(0, 1), seed=st.integers())
@settings(max_examples=15, deadline=None)
def test_accuracy_is_respected(p: float, seed: int) -> None:
    told = model(accuracy=p)
    verdicts = [
        answer_for(told, f"q{i}\nsim-answer: 42", draw_for(seed, "m", f"q{i}", 0)).verdict
        for i in range(1000)
    ]
    # Five standard deviations of a binomial share, and ten more for rare events.
    assert verdicts.count("right") / 1000 == pytest.approx(
        p, abs=5 * (p * (1 - p) / 1000) ** 0.5 + 0.01
    )


@given(rates=st.lists(st.floats(0, 0.25), min_size=4, max_size=4), seed=st.integers())
@settings(max_examples=15, deadline=None)
def test_fault_rates_are_respected(rates: list[float], seed: int) -> None:
    told = model(**dict(zip(FAULT_RATES, rates, strict=True)))
    faults = [fault_for(told, draw_for(seed, "m", str(i), 0)) for i in range(1000)]
    for name, rate in zip(("error", "hang", "garbage", "truncate"), rates, strict=True):
        spread = 5 * (rate * (1 - rate) / 1000) ** 0.5 + 0.01
        assert [*faults].count(name) / 1000 == pytest.approx(rate, abs=spread)  # type: ignore[arg-type]


@given(median_s=st.floats(0.001, 10), ratio=st.floats(1, 10), seed=st.integers())
@settings(max_examples=10, deadline=None)
def test_latency_has_the_stated_quantiles(median_s: float, ratio: float, seed: int) -> None:
    latency = Latency(median_s=median_s, p95_s=median_s * ratio)
    drawn_s = [latency_for(latency, draw_for(seed, "m", str(i), 0)) for i in range(3000)]
    cuts_s = statistics.quantiles(drawn_s, n=100)
    slack = ratio**0.2  # within 0.2 of the distance from median to p95, on a log scale
    assert median_s / slack - 1e-9 <= cuts_s[49] <= median_s * slack + 1e-9
    assert median_s * ratio / slack - 1e-9 <= cuts_s[94] <= median_s * ratio * slack + 1e-9


def test_constant_latency() -> None:
    assert latency_for(Latency(median_s=0.05), draw_for(0, "m", "p", 0)) == 0.05
    assert latency_for(Latency(median_s=0.05, p95_s=0.05), draw_for(0, "m", "p", 0)) == 0.05


def test_draws_depend_on_all_that_names_them_and_on_nothing_else() -> None:
    names = [
        (0, "m", "p", 0),
        (1, "m", "p", 0),
        (0, "n", "p", 0),
        (0, "m", "q", 0),
        (0, "m", "p", 1),
    ]
    assert len({draw_for(*name)("right") for name in names}) == len(names)
    assert draw_for(0, "m", "p", 0)("right") == draw_for(0, "m", "p", 0)("right")
    # Pinned: a recorded run must stay reproducible.
    assert draw_for(0, "m", "p", 0)("right") == pytest.approx(0.773449258849691, abs=1e-12)


def test_a_lower_accuracy_only_loses_answers() -> None:
    high, low = model(accuracy=0.8), model(accuracy=0.4)
    for i in range(300):
        prompt = f"{i}\nsim-answer: yes"
        draw = draw_for(0, "m", prompt, 0)
        if answer_for(low, prompt, draw).verdict == "right":
            assert answer_for(high, prompt, draw).verdict == "right"


def test_error_statuses_are_all_used() -> None:
    told = model(error_statuses=[500, 502, 503])
    assert {status_for(told, draw_for(0, "m", str(i), 0)) for i in range(50)} == {500, 502, 503}


@pytest.mark.parametrize(
    ("prompt", "right"),
    [
        ("Say it.\nsim-answer: blue sky  \nThanks.", "blue sky"),
        ("sim-answer: old\nanswer\n  sim-answer: new\r\n", "new"),
        ("sim-answer: " + json.dumps(TWO_LINES), TWO_LINES),
        ('sim-answer: "half', '"half'),
        ('sim-answer: "a" or "b"', '"a" or "b"'),
        ("What is 12 + 30?", "42"),
        ("What is 12+30?", "42"),
        ("7 * -6", "-42"),
        ("50 - 8", "42"),
        ("On 2024-05-01, call 555-1234.", None),
        ("Write a poem (sim-answer: x) about v1.2 + 3", None),
    ],
)
def test_right_text(prompt: str, right: str | None) -> None:
    assert right_text(prompt) == right


def test_task_line() -> None:
    assert task_of("sim-task: code\nsim-answer: x") == "code"
    assert task_of("a sim-task: code") == ""
    told = model(accuracy={"code": 0.0, "default": 1.0})
    prompt, draw = "q\nsim-answer: x", draw_for(0, "m", "q", 0)
    assert answer_for(told, f"sim-task: code\n{prompt}", draw).verdict == "wrong"
    assert answer_for(told, f"sim-task: reasoning\n{prompt}", draw).verdict == "right"


def test_filler_depends_on_the_prompt_alone() -> None:
    one, other = (answer_for(model(), p, draw_for(9, "m", p, 3)) for p in ("hi", "ho"))
    assert one.verdict == "filler"
    assert one == answer_for(model(accuracy=0.0), "hi", draw_for(1, "n", "hi", 0))
    assert one.text != other.text


@given(right=st.text(max_size=30) | st.integers().map(str) | st.floats(0, 1e6).map(str))
@settings(max_examples=200, deadline=None)
def test_wrong_text_is_definitely_wrong(right: str) -> None:
    wrong = wrong_text(right, draw_for(0, "m", right, 0))
    assume(right)
    assert wrong.casefold() != right.casefold()
    assert right.casefold() not in wrong.casefold()
    shared = set(re.findall(r"\w+", right.casefold())) & set(re.findall(r"\w+", wrong.casefold()))
    assert not shared


def test_a_wrong_number_is_a_number_and_a_wrong_letter_a_letter() -> None:
    for right in ("42", "-7", "0", "3.14"):
        wrong = float(wrong_text(right, draw_for(0, "m", right, 0)))
        assert abs(wrong - float(right)) > 0.5
    assert wrong_text("B", draw_for(0, "m", "B", 0)) in "ACD"


@pytest.mark.parametrize("right", ["er", "1", "lagoon", "the North ridge"])
def test_a_wrong_text_does_not_contain_the_right_one(right: str) -> None:
    wrongs = [wrong_text(right, draw_for(seed, "m", right, 0)) for seed in range(100)]
    assert not [wrong for wrong in wrongs if right.casefold() in wrong.casefold()]
    assert not [wrong for wrong in wrongs if "north" in wrong and "North" in right]
    assert len(set(wrongs)) > 20


def cosine(a: str, b: str, dimension: int = 384) -> float:
    one, other = (normalised(embed("space", dimension, text)) for text in (a, b))
    return float(one @ other)


def test_texts_that_share_words_are_close() -> None:
    same = cosine("a red fox runs", "a red fox runs")
    near = cosine("a red fox runs", "a red fox sleeps")
    far = cosine("a red fox runs", "quarterly tax report due")
    assert same == pytest.approx(1, abs=1e-5)
    assert near == pytest.approx(0.75, abs=0.15)
    assert abs(far) < 0.2


def test_spaces_and_wrong_vectors_are_unrelated() -> None:
    one, other = (normalised(embed(space, 384, "a red fox")) for space in ("s", "t"))
    wrong = normalised(unrelated(384, draw_for(0, "m", "a red fox", 0)))
    assert abs(float(one @ other)) < 0.25
    assert abs(float(one @ wrong)) < 0.25
    assert wrong.dtype == np.float32


@given(text=st.text(max_size=40), dimension=st.integers(1, 64))
@settings(max_examples=50, deadline=None)
def test_every_text_has_a_unit_vector(text: str, dimension: int) -> None:
    assert np.linalg.norm(normalised(embed("s", dimension, text))) == pytest.approx(1, abs=1e-5)


def test_a_behaviour_is_what_the_description_says_by_default() -> None:
    assert fault_for(Behaviour(), draw_for(0, "m", "p", 0)) is None
