"""Keys, and how often each may ask."""

from __future__ import annotations

from typing import Any

import pytest

from agents.serving.keys import LOCAL, read_keys
from agents.serving.limits import Limits
from agents.serving.refusals import Refusal
from streams.serving_sections import Gateway
from streams.settings import SettingsError

KEY = "0123456789abcdef"


def keys(text: str, **fields: Any) -> Any:
    return read_keys(Gateway(**{"keys_variable": "KEYS", **fields}), {"KEYS": text})


def test_a_key_has_a_holder() -> None:
    found = keys(f"# people\n\nann={KEY}\n bob = {KEY}= \n")
    assert found.holder(f"Bearer {KEY}") == "ann"
    assert found.holder(f"Bearer {KEY}=") == "bob"
    for wrong in (None, "", KEY, f"Basic {KEY}", f"Bearer {KEY}x", "Bearer "):
        assert found.holder(wrong) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ann", "line 1: must be name=key"),
        ("\nann=short", "line 2: the key must be at least 16"),
        (f"ann={KEY} {KEY}", "without spaces"),
        (f"ann={KEY}ü", "visible ASCII"),
        (f"a b={KEY}", "a name has letters"),
        (f"ann={KEY}\nann={KEY}x", "comes twice"),
        (f"ann={KEY}\nbob={KEY}", "comes twice"),
        ("# nobody", "no line is name=key"),
    ],
)
def test_a_wrong_line_is_told_without_its_key(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem) as error:
        keys(text)
    assert KEY not in str(error.value)
    assert "short" not in str(error.value)


def test_without_keys_there_is_loopback() -> None:
    assert read_keys(Gateway(), {}).holder(None) == LOCAL
    with pytest.raises(SettingsError, match=r"gateway\.keys_variable or gateway\.keys_file"):
        read_keys(Gateway(host="0.0.0.0"), {})
    assert keys(f"ann={KEY}", host="0.0.0.0").holder(None) is None


def test_a_minutes_requests_may_come_at_once_and_then_at_their_pace() -> None:
    limits = Limits(6)
    for _ in range(6):
        limits.admit("ann", 100.0)
    for at_s, wait in ((100.0, "10"), (104.5, "6"), (109.9, "1")):
        with pytest.raises(Refusal) as refused:
            limits.admit("ann", at_s)
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, wait)
    limits.admit("bob", 100.0)
    limits.admit("ann", 110.0)
    with pytest.raises(Refusal):
        limits.admit("ann", 110.0)
    for _ in range(6):  # never more than a minute's
        limits.admit("ann", 10_000.0)
    with pytest.raises(Refusal):
        limits.admit("ann", 10_000.0)


def test_zero_limits_nothing() -> None:
    limits = Limits(0)
    for _ in range(1000):
        limits.admit("ann", 1.0)
