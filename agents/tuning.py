"""From closed windows to rules: pure, in integers where it is remembered.

A rule is a function of the rule before it, the window's merged summary, the configuration and
the controls in force, and nothing else; so ``rules-log`` can be rebuilt byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from agents import scoring
from agents.policies import POLICIES
from agents.policies.policy import Proposal, known, largest
from schemas.control import RoutingConfiguration
from schemas.routing_rule import Inputs, ModelState, PolicyState, RoutingRule
from schemas.window_score import ModelSummary
from schemas.wire import INT_MAX, MILLION, encode


@dataclass(frozen=True)
class Orders:
    """What people have said about a task: the controls in force."""

    pinned: str | None = None
    frozen: bool = False
    excluded: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Window:
    """A closed window, merged over all partitions."""

    start_at: int
    end_at: int
    models: Mapping[str, ModelSummary]


def digest(configuration: RoutingConfiguration) -> str:
    """A short name of the configuration's content."""
    return blake2b(encode(configuration), digest_size=8).hexdigest()


def observe(configuration: RoutingConfiguration, state: PolicyState, window: Window) -> PolicyState:
    """The state after a window: what was known is discounted, what came is added.

    A failed attempt counts as a grade of 0: no answer is never a right answer.
    """
    keep = round(configuration.discount * MILLION)
    names = sorted({*state.models, *window.models})
    models = {
        name: _observe_model(known(state, name), window.models.get(name, ModelSummary()), keep)
        for name in names
    }
    return msgspec.structs.replace(state, models=models, windows=state.windows + 1)


def _observe_model(old: ModelState, new: ModelSummary, keep: int) -> ModelState:
    outcomes = old.outcomes_micro * keep // MILLION + new.outcomes * MILLION
    errors = old.errors_micro * keep // MILLION + new.errors * MILLION
    time = old.response_time_us_micro * keep // MILLION + new.response_time_us * MILLION
    while time > INT_MAX:  # ratios stay, and the rule can still be read
        outcomes, errors, time = outcomes // 2, errors // 2, time // 2
    return ModelState(
        trials_micro=old.trials_micro * keep // MILLION + new.trust_micro + new.errors * MILLION,
        reward_micro=old.reward_micro * keep // MILLION + new.accuracy_micro,
        outcomes_micro=outcomes,
        errors_micro=errors,
        response_time_us_micro=time,
    )


def explore(shares: Mapping[str, float], exploration: float) -> dict[str, float]:
    """Shares of which the largest leaves at least ``exploration`` to all others together.

    Each other model gets at least its equal part of that budget, up to an equal share; what this
    takes comes from the models above it, in proportion.
    """
    if len(shares) < 2 or exploration <= 0:
        return dict(shares)
    floor = min(exploration / (len(shares) - 1), 1 / len(shares))
    lifted = {name: max(share, floor) for name, share in shares.items()}
    above = sum(share - floor for share in lifted.values())
    excess = sum(lifted.values()) - 1
    if above <= 0:
        return {name: 1 / len(shares) for name in shares}
    return {name: share - (share - floor) * excess / above for name, share in lifted.items()}


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


def next_rule(
    configuration: RoutingConfiguration,
    orders: Orders,
    previous: RoutingRule | None,
    window: Window | None,
    inputs: Inputs,
) -> RoutingRule:
    """The rule that follows ``previous`` after a window, or (None) after a control."""
    state = previous.state if previous else PolicyState()
    if window is not None:
        state = observe(configuration, state, window)
    models = [name for name in configuration.candidates if name not in orders.excluded]
    weights, reason, state = _decide(configuration, orders, previous, state, models)
    return RoutingRule(
        task=configuration.task,
        version=previous.version + 1 if previous else 1,
        weights=weights,
        epoch=state.windows // configuration.epoch_windows,
        scores={
            name: scoring.model_score(configuration.objective, known(state, name))
            for name in configuration.candidates
        },
        window_start_at=_window(window, previous)[0],
        window_end_at=_window(window, previous)[1],
        policy=configuration.policy,
        state=state,
        inputs=inputs,
        configuration_digest=digest(configuration),
        pinned=orders.pinned,
        frozen=orders.frozen,
        excluded=sorted(orders.excluded),
        reason=reason,
    )


def _window(window: Window | None, previous: RoutingRule | None) -> tuple[int, int]:
    if window is not None:
        return window.start_at, window.end_at
    return (previous.window_start_at, previous.window_end_at) if previous else (0, 0)


def _decide(
    configuration: RoutingConfiguration,
    orders: Orders,
    previous: RoutingRule | None,
    state: PolicyState,
    models: Sequence[str],
) -> tuple[dict[str, int], str, PolicyState]:
    if orders.pinned is not None and orders.pinned in models:
        return {orders.pinned: MILLION}, f"pinned to {orders.pinned}", state
    if orders.frozen and previous is not None:
        return dict(previous.weights), "frozen", state
    if not models:
        models, note = configuration.candidates, "; every candidate is excluded, so none is"
    else:
        note = ""
    proposal = POLICIES[configuration.policy](configuration, state, models)
    state = msgspec.structs.replace(state, assigned=proposal.assigned)
    if held := _held(configuration, previous, state, proposal):
        assert previous is not None
        return dict(previous.weights), held + note, state
    shares = explore(proposal.weights, configuration.exploration)
    if previous is not None and previous.pinned is None:
        before = {name: weight / MILLION for name, weight in previous.weights.items()}
        shares = step(before, shares, configuration.largest_step)
    weights = to_micro(shares)
    if previous is None or _leader(previous.weights) != _leader(weights):
        state = msgspec.structs.replace(state, changed_window=state.windows)
    return weights, proposal.reason + note, state


def _leader(weights: Mapping[str, int]) -> str:
    return largest({name: float(weight) for name, weight in weights.items()})


def _held(
    configuration: RoutingConfiguration,
    previous: RoutingRule | None,
    state: PolicyState,
    proposal: Proposal,
) -> str | None:
    """Why the leader may not change yet, if it may not (dwell, margin, samples)."""
    if previous is None or set(previous.weights) != set(proposal.weights):
        return None
    old, new = _leader(previous.weights), largest(proposal.weights)
    if old == new:
        return None
    if state.windows - state.changed_window < configuration.dwell_windows:
        return f"{proposal.reason}; {old} stays: changed less than dwell_windows ago"
    if known(state, new).trials_micro < configuration.min_samples * MILLION:
        return f"{proposal.reason}; {old} stays: {new} has fewer than min_samples"
    gain = (scoring.score(configuration.objective, known(state, new)) or 0.0) - (
        scoring.score(configuration.objective, known(state, old)) or 0.0
    )
    if configuration.margin > 0 and gain < configuration.margin:
        return f"{proposal.reason}; {old} stays: a gain of {gain:.3f} is below margin"
    return None
