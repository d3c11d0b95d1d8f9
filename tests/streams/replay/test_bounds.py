"""``--from`` and ``--until``."""

import pytest

from streams.replay.bounds import Ago, AtInstant, AtOffset, Bound, parse_bound
from streams.replay.problem import ReplayUsageError


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("offset:0", AtOffset(0)),
        ("offset:123", AtOffset(123)),
        ("1762000000000", AtInstant(1_762_000_000_000)),
        ("2025-11-01T12:26:40Z", AtInstant(1_762_000_000_000)),
        ("2025-11-01T12:26:40", AtInstant(1_762_000_000_000)),
        ("2025-11-01T13:26:40.250+01:00", AtInstant(1_762_000_000_250)),
        ("2025-11-01", AtInstant(1_761_955_200_000)),
        (" -2h ", Ago(7_200_000)),
        ("-1.5s", Ago(1500)),
        ("-30m", Ago(1_800_000)),
        ("-250ms", Ago(250)),
        ("-1d", Ago(86_400_000)),
        ("-1w", Ago(604_800_000)),
    ],
)
def test_forms(text: str, bound: Bound) -> None:
    assert parse_bound("--from", text) == bound


@pytest.mark.parametrize(
    "text", ["", "noon", "-2", "-2y", "2h", "--2h", "offset:", "offset:-1", "2026-13-01", "-inf"]
)
def test_what_is_none_of_them_is_told(text: str) -> None:
    with pytest.raises(ReplayUsageError, match=r"^--until .*: write offset:123, an instant"):
        parse_bound("--until", text)


@pytest.mark.parametrize("text", ["0", "123", "1762000000", "1762000000000000"])
def test_a_number_that_is_no_time_may_be_an_offset(text: str) -> None:
    with pytest.raises(ReplayUsageError, match=f"write offset:{text} for an offset"):
        parse_bound("--from", text)
