"""From closed windows to rules: pure, in integers where it is remembered.

A rule is a function of the rule before it, the window's merged summary, the configuration and
the controls in force, and nothing else; so ``rules-log`` can be rebuilt byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from agents import detection, scoring, shaping
from agents.learning import Window, observe
from agents.policies import POLICIES
from agents.policies.policy import Proposal, known, largest
from schemas.control import RoutingConfiguration
from schemas.routing_rule import Inputs, PolicyState, RoutingRule
from schemas.wire import MILLION, encode

WARM_TASK_TRIALS = 200
COLD_TRIALS = 10
MOST_PROBED = 0.5


@dataclass(frozen=True)
class Orders:
    """What people have said about a task: the controls in force."""

    pinned: str | None = None
    frozen: bool = False
    excluded: frozenset[str] = field(default_factory=frozenset)


def digest(configuration: RoutingConfiguration) -> str:
    """A short name of the configuration's content."""
    return blake2b(encode(configuration), digest_size=8).hexdigest()


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
        epoch=state.windows // (configuration.epoch_windows * configuration.panes),
        scores={
            name: scoring.model_score(configuration, state, name)
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
    weights = shaping.to_micro(_shaped(configuration, previous, state, proposal))
    if previous is None or _leader(previous.weights) != _leader(weights):
        state = msgspec.structs.replace(state, changed_window=state.windows)
    return weights, proposal.reason + _change_note(state, models) + note, state


def _shaped(
    configuration: RoutingConfiguration,
    previous: RoutingRule | None,
    state: PolicyState,
    proposal: Proposal,
) -> dict[str, float]:
    """The proposal within the configuration's bounds (docs/routing.md has the order)."""
    shares = shaping.explore(proposal.weights, configuration.exploration)
    shares = shaping.lift(shares, _probes(configuration, state, shares))
    cold = _cold(state, shares)
    shares = shaping.lower(shares, cold, configuration.cold_share)
    shares = shaping.cap(shares, configuration.largest_share, cold)
    if previous is None or previous.pinned is not None or _just_alarmed(state):
        return shares
    if _is_cold(_trials(previous.state, shares)):
        return shares
    before = {name: weight / MILLION for name, weight in previous.weights.items()}
    return shaping.step(before, shares, _step(configuration))


def _step(configuration: RoutingConfiguration) -> float:
    """The largest step of a rule: a pane's part of a window's; 1 bounds nothing."""
    step = configuration.largest_step
    return step / configuration.panes if step < 1 else 1.0


def _probes(
    configuration: RoutingConfiguration, state: PolicyState, names: Iterable[str]
) -> dict[str, float]:
    """What fallen models get at least: ``probe`` together, each more the likelier it is back.

    As much as the probability that it is back, as Thompson sampling would: so a few good probes
    bring more of them. Together no more than half of the traffic, while that isn't decided.
    """
    states = {name: known(state, name) for name in names}
    chances = {
        name: detection.chance_of_return(one)
        for name, one in states.items()
        if detection.has_fallen(one)
    }
    if configuration.probe <= 0 or not chances:
        return {}
    part = MOST_PROBED / max(MOST_PROBED, sum(chances.values()))
    least = configuration.probe / len(chances)
    return {name: max(least, chance * part) for name, chance in chances.items()}


def _cold(state: PolicyState, names: Iterable[str]) -> list[str]:
    """Models that hardly anything is known of, beside others that much is known of."""
    trials = _trials(state, names)
    if _is_cold(trials):
        return []
    return [name for name, count in trials.items() if count < COLD_TRIALS * MILLION]


def _trials(state: PolicyState, names: Iterable[str]) -> dict[str, int]:
    return {name: known(state, name).trials_micro for name in names}


def _is_cold(trials: Mapping[str, int]) -> bool:
    """Whether too little is known of a task to hold its rules back."""
    return sum(trials.values()) < WARM_TASK_TRIALS * MILLION


def _just_alarmed(state: PolicyState) -> bool:
    return state.windows > 0 and state.alarm_window == state.windows


def _change_note(state: PolicyState, models: Sequence[str]) -> str:
    states = {name: known(state, name) for name in models}
    fallen = [name for name, one in states.items() if detection.has_fallen(one)]
    slowed = [name for name, one in states.items() if 0 < one.slowed_window == state.windows]
    notes = {"fallen": fallen, "suddenly slow": slowed}
    return "".join(f"; {note}: {', '.join(names)}" for note, names in notes.items() if names)


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
    if old == new or _just_alarmed(state):
        return None
    dwell = configuration.dwell_windows * configuration.panes
    if state.windows - state.changed_window < dwell:
        return f"{proposal.reason}; {old} stays: changed less than dwell_windows ago"
    if known(state, new).trials_micro < configuration.min_samples * MILLION:
        return f"{proposal.reason}; {old} stays: {new} has fewer than min_samples"
    gain = (scoring.score(configuration, state, new) or 0.0) - (
        scoring.score(configuration, state, old) or 0.0
    )
    if configuration.margin > 0 and gain < configuration.margin:
        return f"{proposal.reason}; {old} stays: a gain of {gain:.3f} is below margin"
    return None
