"""What weighted rendezvous hashing promises: shares in proportion, and the fewest moves."""

from __future__ import annotations

import math
from collections import Counter
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.routing import choose

KEYS = [f"session-{number}" for number in range(4000)]
weights = st.dictionaries(
    st.sampled_from("abcde"), st.integers(0, 1_000_000), min_size=1, max_size=5
)


def chosen(chances: dict[str, float], keys: list[str] | None = None, epoch: int = 0) -> list[str]:
    """Each key's model."""
    return [choose("code", epoch, key, chances) for key in keys or KEYS]


@pytest.mark.parametrize(
    "chances",
    [
        {"a": 0.25, "b": 0.25, "c": 0.25, "d": 0.25},
        {"a": 0.9, "b": 0.06, "c": 0.03, "d": 0.01},
        {"a": 0.98, "b": 0.02},
        {"a": 5.0, "b": 3.0, "c": 2.0},
    ],
)
@pytest.mark.parametrize("epoch", [0, 1])
def test_shares_are_in_proportion(chances: dict[str, float], epoch: int) -> None:
    counts, total = Counter(chosen(chances, epoch=epoch)), sum(chances.values())
    expected = {name: len(KEYS) * chance / total for name, chance in chances.items()}
    chi_square = sum((counts[name] - e) ** 2 / e for name, e in expected.items())
    assert chi_square < 16.27  # 3 degrees of freedom, p = .001


def test_equal_keys_of_other_tasks_and_epochs_are_independent() -> None:
    chances = {"a": 0.5, "b": 0.5}
    first = chosen(chances)
    for other in (chosen(chances, epoch=1), [choose("x", 0, key, chances) for key in KEYS]):
        same = sum(one == two for one, two in zip(first, other, strict=True))
        assert same == pytest.approx(len(KEYS) / 2, abs=130)  # 4 standard deviations


@settings(max_examples=60, deadline=None)
@given(before=weights, after=weights)
def test_a_key_only_moves_to_a_model_whose_weight_grew_by_more(
    before: dict[str, int], after: dict[str, int]
) -> None:
    """From i to j only if after[j] / before[j] > after[i] / before[i]."""
    keys = KEYS[:150]
    old, new = (chosen({n: float(w) for n, w in one.items()}, keys) for one in (before, after))
    for was, now in zip(old, new, strict=True):
        if was != now and any(before.values()) and any(after.values()):
            grown = after.get(now, 0) * before.get(was, 0)
            assert grown > after.get(was, 0) * before.get(now, 0)


@settings(max_examples=40, deadline=None)
@given(before=weights.filter(lambda given: any(given.values())), more=st.integers(1, 1_000_000))
def test_when_one_weight_grows_keys_move_to_it_alone_and_when_it_shrinks_from_it_alone(
    before: dict[str, int], more: int
) -> None:
    name = min(before)
    after = before | {name: before[name] + more}
    keys = KEYS[:150]
    old, new = (chosen({n: float(w) for n, w in one.items()}, keys) for one in (before, after))
    assert all(now in (was, name) for was, now in zip(old, new, strict=True))


def test_when_a_model_goes_only_its_keys_move_and_they_spread_by_weight() -> None:
    chances = {"a": 0.4, "b": 0.4, "c": 0.2}
    old, new = chosen(chances), chosen({"b": 0.4, "c": 0.2})
    assert all(was == now for was, now in zip(old, new, strict=True) if was != "a")
    moved = Counter(now for was, now in zip(old, new, strict=True) if was == "a")
    assert moved["b"] / moved.total() == pytest.approx(2 / 3, abs=0.05)


def test_the_scale_of_weights_does_not_matter() -> None:
    assert chosen({"a": 0.1, "b": 0.3}) == chosen({"a": 100_000.0, "b": 300_000.0})


def test_without_weight_a_model_is_not_chosen_while_another_has_some() -> None:
    assert set(chosen({"a": 0.0, "b": 1e-6, "c": 0.0})) == {"b"}


@given(key=st.text(st.characters(), max_size=30), model=st.text(st.characters(), min_size=1))
def test_any_text_is_a_key(key: str, model: str) -> None:
    assert choose("code", 0, key, {model: 1.0}) == model


@pytest.mark.parametrize("key", ["", "\ud800", "\0", "x" * 100_000, "Ünï\U0001f600"])
def test_odd_keys(key: str) -> None:
    assert choose("code", 0, key, {"a": 0.5, "b": 0.5}) in ("a", "b")


def test_the_choice_is_pinned_to_these_bytes() -> None:
    """Replicas of two releases must agree during a rolling upgrade."""
    chances = {"a": 0.5, "b": 0.3, "c": 0.2}
    assert "".join(chosen(chances, KEYS[:24], epoch=5)) == "ccaabcbaabbaabababaaaaba"


def plainly(task: str, epoch: int, key: str, chances: dict[str, float]) -> str:
    """The formula of the module's docstring, word for word."""

    def score(model: str) -> float:
        raw = blake2b(f"{task}\0{epoch}\0{key}\0{model}".encode(), digest_size=8).digest()
        return -chances[model] / math.log(((int.from_bytes(raw) >> 12) + 0.5) / 2**52)

    return max(sorted(chances), key=score)


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([0.01, 0.1, 0.3]), min_size=1),
    st.text(alphabet="xyz", max_size=8),
    st.integers(0, 5),
)
def test_the_short_cuts_change_no_choice(chances: dict[str, float], key: str, epoch: int) -> None:
    assert choose("code", epoch, key, chances) == plainly("code", epoch, key, chances)
