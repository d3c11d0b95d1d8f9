"""From a policy's proposal to weights: budgets and bounds on shares. Pure.

Shares are fractions of a task's traffic that sum to 1; every function here keeps the sum.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from schemas.wire import MILLION


def explore(shares: Mapping[str, float], exploration: float) -> dict[str, float]:
    """Shares of which the largest leaves at least ``exploration`` to all others together.

    Each other model gets at least its equal part of that budget, up to an equal share; what this
    takes comes from the models above it, in proportion.
    """
    if len(shares) < 2 or exploration <= 0:
        return dict(shares)
    floor = min(exploration / (len(shares) - 1), 1 / len(shares))
    return _at_least(shares, dict.fromkeys(shares, floor))


def _at_least(shares: Mapping[str, float], floors: Mapping[str, float]) -> dict[str, float]:
    """Shares of at least their floors, which sum to at most 1; the models above theirs pay."""
    lifted = {name: max(share, floors.get(name, 0.0)) for name, share in shares.items()}
    above = {name: share - floors.get(name, 0.0) for name, share in lifted.items()}
    part = (sum(lifted.values()) - 1) / (sum(above.values()) or 1)
    return {name: max(0.0, share - part * above[name]) for name, share in lifted.items()}


def lift(shares: Mapping[str, float], floors: Mapping[str, float]) -> dict[str, float]:
    """Shares in which each of the named models has at least its floor (of at most 1 together).

    What this takes comes from the others, and from the named that have more than their floor, in
    proportion to what they have or have more. Nobody else is there: nothing changes.
    """
    if not floors or _others(shares, floors) <= 0:
        return dict(shares)
    return _at_least(shares, floors)


def _others(shares: Mapping[str, float], names: Collection[str]) -> float:
    return sum(share for name, share in shares.items() if name not in names)


def lower(shares: Mapping[str, float], names: Collection[str], together: float) -> dict[str, float]:
    """Shares in which the named models have at most ``together``; the others get the rest.

    Nothing changes where the others have nothing, or nobody else is there.
    """
    named, others = sum(shares[name] for name in names), _others(shares, names)
    if named <= together or others <= 0:
        return dict(shares)
    return {
        name: share / named * together if name in names else share / others * (1 - together)
        for name, share in shares.items()
    }


def cap(
    shares: Mapping[str, float], largest_share: float, last: Collection[str] = ()
) -> dict[str, float]:
    """Shares of at most ``largest_share`` each (or equal ones, if that is more).

    What is cut off goes to the models below, in proportion, as often as it takes; to those in
    ``last`` only up to their equal part of what the others can't hold.
    """
    limit = max(largest_share, 1 / len(shares))
    rest = (1 - limit * (len(shares) - len(last))) / max(1, len(last))
    limits = {
        name: min(limit, max(share, rest)) if name in last else limit
        for name, share in shares.items()
    }
    capped: set[str] = set()
    now = dict(shares)
    while over := [name for name, share in now.items() if share > limits[name] + 1e-12]:
        capped |= set(over)
        free = {name: share for name, share in now.items() if name not in capped}
        room, total = 1 - sum(limits[name] for name in capped), sum(free.values())
        now = limits | {
            name: share / total * room if total > 0 else room / len(free)
            for name, share in free.items()
        }
    return now


def step(
    before: Mapping[str, float], after: Mapping[str, float], largest_step: float
) -> dict[str, float]:
    """``after``, or as far towards it as no share moves by more than ``largest_step``.

    The share of a model that is there no more goes to the others first, in proportion.
    """
    left = sum(before.get(name, 0.0) for name in after)
    if left <= 0:
        return dict(after)
    starts = {name: before.get(name, 0.0) / left for name in after}
    longest = max(abs(after[name] - starts[name]) for name in after)
    part = 1.0 if longest <= largest_step else largest_step / longest
    return {name: starts[name] + part * (after[name] - starts[name]) for name in after}


def to_micro(shares: Mapping[str, float]) -> dict[str, int]:
    """Integer millionths that sum to exactly a million (largest remainders, then by name)."""
    total = sum(shares.values())
    exact = {name: shares[name] / total * MILLION for name in sorted(shares)}
    whole = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (whole[name] - exact[name], name))
    for name in by_remainder[: MILLION - sum(whole.values())]:
        whole[name] += 1
    return whole
