"""The load of ``zeta bench balance``: who is compared, and when which query comes. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.query import Query, Reference

TASK = "reasoning"
BEST = "one"
"""The model that ``static`` gives everything: of equals the first, else the most accurate."""

SCENARIOS: Mapping[str, str] = {"equal": "balance-equal", "better": "balance-better"}
"""Scenario -> bundled profile of the simulated models."""


@dataclass(frozen=True)
class Entrant:
    """A name for the table, and the settings that make it what it is (``section.key`` -> text)."""

    name: str
    flags: Mapping[str, str]


ENTRANTS: Sequence[Entrant] = (
    Entrant(
        "static",
        {
            "routing.policy": "static",
            "routing.exploration": "0",
            f"tasks.{TASK}.prior.{BEST}": "1.0",
        },
    ),
    Entrant("uniform", {"routing.policy": "static"}),
    Entrant("accuracy", {"routing.objective": "accuracy"}),
    Entrant("balanced", {"routing.objective": "balanced"}),
)


def with_settings(text: str) -> Entrant:
    """``balanced`` with further settings, e.g. ``routing.sharpness=1,routing.largest_step=0.02``.

    Raises:
        ValueError: a part without ``=``.
    """
    flags = dict(ENTRANTS[-1].flags)
    for part in text.split(","):
        key, separator, value = part.strip().partition("=")
        if not separator:
            raise ValueError(f"{part!r}: write it as section.key=value")
        flags[key] = value
    return Entrant(f"balanced, {text.replace('routing.', '')}", flags)


def arrivals_s(seed: int, rate: float, seconds: float) -> Iterator[float]:
    """Instants in seconds from the start, of a Poisson stream with ``rate`` per second."""
    draws = random.Random(seed)
    at = draws.expovariate(rate)
    while at < seconds:
        yield at
        at += draws.expovariate(rate)


def queries(seed: int, run: str, count: int) -> list[Query]:
    """The same questions for every entrant, under ids of its own.

    The simulated models read the right answer in the prompt and draw from it whether they are
    right, so a model answers a question alike whoever asks.
    """
    return [
        Query(
            query_id=f"{run}-{number}",
            task=TASK,
            prompt=f"Question {number} of {seed}.\nsim-answer: {number * 7}",
            reference=Reference(kind="numeric", value=number * 7),
        )
        for number in range(count)
    ]
