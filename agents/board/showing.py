"""Text and numbers of strangers, made fit for a page: bounded, and with nothing in it to obey."""

from __future__ import annotations

from math import sqrt

from agents.printable import printable

LONGEST_LABEL = 200
LONGEST_REASON = 1_000
LONGEST_TEXT = 20_000
CUT = "…"

_Z = 1.96


def shown(text: str, longest: int = LONGEST_LABEL) -> str:
    """The text with control characters and marks of direction escaped, cut where it is too long."""
    visible = printable(text[: longest + 1])
    return visible if len(text) <= longest else visible[:longest] + CUT


def maybe(text: str | None, longest: int = LONGEST_LABEL) -> str | None:
    """``shown``, of a text that may be missing."""
    return None if text is None else shown(text, longest)


def interval(share: float, trials: float) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a share, 0..1, seen in so many trials; None without any."""
    if trials <= 0:
        return None
    square = _Z * _Z / trials
    middle = share + square / 2
    half = _Z * sqrt(max(0.0, share * (1 - share) / trials) + square / (4 * trials))
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return max(0.0, low), min(1.0, high)
