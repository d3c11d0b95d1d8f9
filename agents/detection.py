"""Has a model fallen, or come back? Cumulative sums of log-likelihood ratios, per outcome.

A one-sided CUSUM (Page, "Continuous inspection schemes", Biometrika 1954) tests each graded
outcome of a model for "its known rate" against "``FALL`` lower". It adds up per outcome, not per
window, so windows of any length detect alike, and it starts anew at 0, so that at the alarm the
sums since the last 0 are the outcomes since the change (the maximum-likelihood change point).
What is known then starts from those; what was known before is kept as the reference, against
which the same kind of sum tells when the model is back at its old rate. That sum is also the
log-odds with which a fallen model is probed (``chance_of_return``), and a model that is back is
on probation: its next alarm needs only as much evidence as its return did.

The known rate is taken one standard deviation low: a reference of few outcomes must not raise
false alarms. Speed needs no sums, since every outcome shows it: see ``has_slowed``.

Thresholds are natural logarithms of odds; ``ALARM`` of 8 means that the evidence
is e^8, about 3,000 to 1. In integers of millionths, so that a rebuild gets the same bytes.
"""

from __future__ import annotations

import math

import msgspec

from schemas.routing_rule import ModelState
from schemas.wire import MILLION

FALL = 0.35
ALARM = 8.0
RETURN = 3.0
FEWEST_TRIALS = 10
KEPT_AFTER_FALL = 40
KEPT_AFTER_RETURN = 40
SLOW_OUTCOMES = 5
SLOW_PART, SLOW_POINTS = 0.5, 0.1
MORE_LOAD = 1.5
LOWEST, HIGHEST = 0.05, 0.95
BOTTOM = 0.02


def _micro(value: float) -> int:
    return round(value * MILLION)


def _evidence(reward_micro: int, trials_micro: int, likelier: float, than: float) -> float:
    """Log-likelihood ratio of a rate over another, given (fractional) outcomes."""
    hits = reward_micro / MILLION
    misses = (trials_micro - reward_micro) / MILLION
    return hits * math.log(likelier / than) + misses * math.log((1 - likelier) / (1 - than))


def _known_rate(state: ModelState) -> float:
    """The rate that is sure to be reached: the mean less one standard deviation."""
    trials = state.trials_micro / MILLION
    mean = (state.reward_micro / MILLION + 1) / (trials + 2)
    return min(HIGHEST, max(LOWEST, mean - math.sqrt(mean * (1 - mean) / (trials + 3))))


def has_fallen(state: ModelState) -> bool:
    """Whether an alarm stands for this model."""
    return state.reference_trials_micro > 0


def chance_of_return(state: ModelState) -> float:
    """The probability that a fallen model is back, by its probes; 0 while none speaks for it.

    ``RETURN`` is where this is a half, so the odds beforehand are e^-RETURN.
    """
    if state.return_micro <= 0:
        return 0.0
    return 1 / (1 + math.exp(RETURN - state.return_micro / MILLION))


def forget(state: ModelState) -> ModelState:
    """The state without alarm or suspicion: what it knows stands."""
    return msgspec.structs.replace(
        state,
        fall_micro=0,
        since_trials_micro=0,
        since_reward_micro=0,
        reference_trials_micro=0,
        reference_reward_micro=0,
        return_micro=0,
    )


def watch(
    before: ModelState, after: ModelState, trials_micro: int, reward_micro: int
) -> ModelState:
    """The state after a window with detection applied.

    Args:
        before: what was known before the window.
        after: the same, discounted, with the window's outcomes added (not to the ``since`` sums).
        trials_micro: the window's weight of grades, in millionths.
        reward_micro: weight times reward.
    """
    if trials_micro == 0:
        return after
    if has_fallen(before):
        after = _watch_return(before, after, trials_micro, reward_micro)
        if not has_fallen(after):
            return after
    return _watch_fall(before, after, trials_micro, reward_micro)


def _watch_fall(
    before: ModelState, after: ModelState, trials_micro: int, reward_micro: int
) -> ModelState:
    if before.trials_micro < FEWEST_TRIALS * MILLION:
        return after
    known = _known_rate(before)
    lower = max(known - FALL, BOTTOM)
    sum_ = before.fall_micro + _micro(_evidence(reward_micro, trials_micro, lower, known))
    if sum_ <= 0:
        return msgspec.structs.replace(
            after, fall_micro=0, since_trials_micro=0, since_reward_micro=0
        )
    since_trials = after.since_trials_micro + trials_micro
    since_reward = after.since_reward_micro + reward_micro
    if sum_ <= _micro(ALARM):
        return msgspec.structs.replace(
            after,
            fall_micro=sum_,
            since_trials_micro=since_trials,
            since_reward_micro=since_reward,
        )
    return _fall(after, since_trials, since_reward)


def _fall(state: ModelState, since_trials: int, since_reward: int) -> ModelState:
    """Forgets what was before the change, but for the reference."""
    reference = (
        (state.reference_trials_micro, state.reference_reward_micro)
        if has_fallen(state)
        else (state.trials_micro - since_trials, state.reward_micro - since_reward)
    )
    trials, reward = _capped(since_trials, since_reward, KEPT_AFTER_FALL)
    return msgspec.structs.replace(
        forget(state),
        trials_micro=trials,
        reward_micro=reward,
        reference_trials_micro=max(1, reference[0]),
        reference_reward_micro=min(max(0, reference[1]), max(1, reference[0])),
    )


def _watch_return(
    before: ModelState, after: ModelState, trials_micro: int, reward_micro: int
) -> ModelState:
    old = before.reference_reward_micro / before.reference_trials_micro
    old = min(HIGHEST, max(LOWEST, old))
    lower = max(old - FALL, BOTTOM)
    evidence = _micro(_evidence(reward_micro, trials_micro, old, lower))
    sum_ = max(0, before.return_micro + evidence)
    if sum_ <= _micro(RETURN):
        return msgspec.structs.replace(after, return_micro=sum_)
    trials, reward = _capped(
        before.reference_trials_micro, before.reference_reward_micro, KEPT_AFTER_RETURN
    )
    # As sure as it became that the model is back, it must become that it isn't.
    doubt = _micro(ALARM - RETURN)
    return msgspec.structs.replace(
        forget(after), trials_micro=trials, reward_micro=reward, fall_micro=doubt
    )


def has_slowed(pace: float, known: float, outcomes: int, service: float) -> bool:
    """Whether a model became slow of itself: half as good a service, under no more load.

    A model that slows down because it was given more is to lose traffic in small steps, or it
    and the next one would take turns at being overloaded; so a growth of its load excuses it.

    Args:
        pace: the outcomes that it has lately had in such a time.
        known: its service so far, 0..1.
        outcomes: how many there are now.
        service: of these, 0..1.
    """
    if outcomes < SLOW_OUTCOMES or outcomes > pace * MORE_LOAD + math.sqrt(pace):
        return False
    return service < known * SLOW_PART and service < known - SLOW_POINTS


def _capped(trials_micro: int, reward_micro: int, most: int) -> tuple[int, int]:
    """The same rate with the weight of at most so many outcomes."""
    limit = most * MILLION
    if trials_micro <= limit:
        return trials_micro, reward_micro
    return limit, reward_micro * limit // trials_micro
