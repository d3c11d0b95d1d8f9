"""What the log can't tell, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.whatif.eligibility import Sources
from agents.whatif.estimators import Estimates
from agents.whatif.tables import LeftOut

LEAST_EFFECTIVE = 100
LEAST_SESSIONS = 40
MOST_UNSUPPORTED = 0.01
MOST_THIN = 0.05
WORTH_SAYING = 0.001
UNEVEN = 0.05
"""Difference between models in the share of graded answers that is worth a word."""


def nothing_to_judge(left_out: LeftOut, sources: Sources) -> str:
    """Why there isn't a single decision."""
    told = [
        (left_out.ungraded, "never graded"),
        (sources.no_propensity, "without a propensity"),
        (sources.unknown, "with an unknown set of eligible models"),
        (left_out.no_rule, "made before the target had a rule"),
    ]
    reasons = ", ".join(f"{count} {reason}" for count, reason in told if count)
    end = f": {reasons}" if reasons else ""
    return f"no answer: the log has no choice of a policy that can be judged{end}"


def other_tasks(asked: Sequence[str], logged: Sequence[str]) -> str:
    """Why target and log have nothing in common."""
    if not logged:
        return "no answer: the log has no choice of a policy (of the tasks and times asked about)"
    return (
        f"no answer: the target has rules for {', '.join(asked) or 'no task'}; the log has choices "
        f"for {', '.join(logged)}"
    )


def no_support(shares: Mapping[str, float]) -> str | None:
    """Which models the target wants and the log never tried, if that is too much."""
    total = sum(shares.values())
    if total <= WORTH_SAYING:
        return None
    named = ", ".join(f"{name} ({share:.1%})" for name, share in shares.items())
    what = f"{total:.1%} of the target's probability goes to models that the log never, or almost"
    if total <= MOST_UNSUPPORTED:
        return f"note: {what} never, chose: {named}; the values leave that part out"
    return (
        f"no answer: {what} never, chose: {named}; nobody knows what they would have answered. "
        "Give them some traffic first (routing.exploration above 0, or a rule that tries them), "
        "or ask about a target without them"
    )


def hardly_tried(share: float) -> str | None:
    """How much of the target lies where the log hardly ever went at the time."""
    if share <= WORTH_SAYING:
        return None
    what = (
        f"{share:.1%} of the target's probability falls on decisions for which the rule of that "
        "time hardly ever chose the target's model"
    )
    if share > MOST_THIN:
        return f"no answer: {what}; ask with --from about the time since it has been tried"
    return (
        f"note: {what}: there snips and dr go by what it answered at other times, and ips counts "
        "nothing (its upper end is raised by that share)"
    )


def too_few(found: Estimates, decisions: int) -> str | None:
    """Why the estimates would rest on too little, if they would."""
    size = found.effective_sample_size
    if size < LEAST_EFFECTIVE:
        more = "No logged choice is one that the target would make"
        if size > 0:
            needed = round(decisions * LEAST_EFFECTIVE / size)
            more = f"About {needed:,} decisions like these would do"
        return (
            f"no answer: the effective sample size is {size:.0f} of {decisions:,} decisions, below "
            f"{LEAST_EFFECTIVE}: the target prefers what the log rarely chose, or there is little "
            f"of it. {more}; or ask about a target nearer to the rules in force"
        )
    if found.effective_sessions < LEAST_SESSIONS:
        return (
            f"no answer: the decisions come from {found.sessions:,} sessions, which count as "
            f"{found.effective_sessions:.0f} (at least {LEAST_SESSIONS} are needed): those of one "
            "session go to one model together, so they are one draw"
        )
    return None


def wrong_propensities(found: Estimates) -> str | None:
    """Whether the weights' mean is too far from 1."""
    mean = found.mean_weight
    if mean is None or not mean.se or found.clipped > 0 or abs(mean.value - 1) < 4 * mean.se:
        return None
    return (
        f"warning: the weights' mean is {mean.value:.3f} ± {mean.se:.3f} where 1 is expected: the "
        "logged propensities are not those by which models were chosen. Don't trust these values"
    )


def clipping(found: Estimates) -> str | None:
    """What clipping did."""
    if found.clipped <= 0:
        return None
    return (
        f"note: clipping took {found.clipped:.1%} of the weight away; for a worth of 0..1 it "
        "biases ips by at most that much, downwards"
    )


def grading(left_out: LeftOut, graded: Mapping[str, Sequence[int]]) -> str | None:
    """What is assumed about answers that were never graded."""
    if not left_out.ungraded:
        return None
    shares = {name: done / count for name, (done, count) in graded.items() if count >= 20}
    low, high = (pick(shares.values(), default=1.0) for pick in (min, max))
    said = (
        f"note: {left_out.ungraded:,} choices were never graded (or timed) and are left out: that "
        "assumes that what is graded depends neither on the answer nor on the model"
    )
    if high - low <= UNEVEN:
        return said
    worst = min(shares, key=lambda name: shares[name])
    return f"{said}. Here it does: of {worst}'s answers {low:.0%} were graded, of others {high:.0%}"


def assumptions(sources: Sources) -> list[str]:
    """What is assumed about the eligible models."""
    said = []
    if sources.assumed:
        said.append(
            f"note: of {sources.assumed:,} choices neither the decision (responses, reroutes) nor "
            "the rule (rules-log) is left; assumed is that all of the task's models were eligible"
        )
    if sources.unknown:
        said.append(
            f"note: {sources.unknown:,} choices are left out: some model was not eligible, and it "
            "isn't known which (their decisions are no longer on responses or reroutes)"
        )
    if sources.no_propensity:
        said.append(f"note: {sources.no_propensity:,} choices have no propensity and are left out")
    return said
