"""How one run went. Shares of 1; ``correct`` is a grade from 0 to 1.

Of the draw's queries, as they were answered (a shift included):

- ``accuracy``: mean grade of the chosen models' answers; ``accuracy_last_two_thirds``: of the
  last two thirds of the queries; ``last_two_thirds_of_best``: that over ``best_per_task``;
- in hindsight, all answers known: ``best_single``, the mean grade of the best model that is a
  candidate of every task (None without one); ``best_per_task``, of the best model of each task;
  ``oracle``, of each query's best answer; ``uniform``, the mean of all candidates' answers;
- ``largest_share``: the largest of the models' mean shares of a task's traffic, in the mean over
  the tasks, each by its queries.

Of the rules (``published``: all, the first of each task included):

- ``switch_rate``: the share of (task, window) pairs in which a rule's largest weight was another
  model's than the rule's before it, over the last two thirds of the windows that closed;
- ``bad_switch_rate``: the share of the same pairs in which it went to a model worth less by more
  than 2 points (``agents.evaluation.worlds``; the worths that hold at that time).

Of a shift, in windows (event time over a window's length, so it may be a fraction):

- leaving: for tasks whose leader at the shift (the largest weight, at least a fifth; the named
  model, if one is named) is then worth less than the best by more than 2 points, the time from
  the shift to the first rule that gives it less than a fifth; infinite if none does before the
  end or the restoration;
- finding: for tasks whose best model is another one after the last change (the restoration, else
  the shift) than before it, the time from that change to the first rule that gives that model
  more than half; 0 if it holds that already, infinite if none ever does. A named model that
  recovers is to be found where it led at the shift.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from agents.evaluation.course import Rule, Run
from agents.evaluation.curves import Curves, curves
from agents.evaluation.outcomes import Floats
from agents.evaluation.plan import Plan
from agents.evaluation.worlds import Worths, best
from agents.policies.policy import largest

BAD = 0.02
LEFT = 0.2
FOUND = 0.5
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Measured:
    """One run's figures, and the times of a shift in windows, one for each task that counts."""

    figures: dict[str, float | None]
    leave_windows: list[float]
    found_windows: list[float]
    curves: Curves


def measure(plan: Plan, run: Run) -> Measured:
    """All measures of one run."""
    figures = {**accuracies(run), "largest_share": largest_share(run), **_switches(plan, run)}
    figures["rules_published"] = float(len(run.rules))
    figures["windows"] = float(run.draw.asked_at[-1] // plan.size_ms + 1)
    leave, found = list(_leave_windows(plan, run)), list(_found_windows(plan, run))
    return Measured(figures, leave, found, curves(plan, run))


def accuracies(run: Run) -> dict[str, float | None]:
    """The mean grades: reached, and attainable in hindsight."""
    correct = run.draw.answers.correct
    count = len(correct)
    reached = correct[np.arange(count), run.chosen]
    last = float(reached[min(math.ceil(count / 3), count - 1) :].mean())
    most = _best_per_task(run)
    served_all = ~np.isnan(correct).any(axis=0)
    return {
        "accuracy": float(reached.mean()),
        "accuracy_last_two_thirds": last,
        "last_two_thirds_of_best": last / most if most else None,
        "best_single": float(correct[:, served_all].mean(axis=0).max())
        if served_all.any()
        else None,
        "best_per_task": most,
        "oracle": float(np.nanmax(correct, axis=1).mean()),
        "uniform": float(np.nanmean(correct, axis=1).mean()),
    }


def _best_per_task(run: Run) -> float:
    correct, tasks = run.draw.answers.correct, run.draw.tasks
    totals = (_column_sums(correct[tasks == task]).max() for task in np.unique(tasks))
    return float(sum(totals)) / len(correct)


def _column_sums(correct: Floats) -> Floats:
    """Of the candidates: a task has the same ones in each of its rows."""
    sums: Floats = correct[:, ~np.isnan(correct[0])].sum(axis=0)
    return sums


def largest_share(run: Run) -> float:
    """The largest mean share in each task, weighted by its queries."""
    tasks = run.draw.tasks
    totals = (run.shares[tasks == task].sum(axis=0).max() for task in np.unique(tasks))
    return float(sum(totals)) / len(tasks)


def _switches(plan: Plan, run: Run) -> dict[str, float | None]:
    closed = int(run.draw.asked_at[-1] // plan.size_ms)
    first = math.ceil(closed / 3)
    pairs = (closed - first) * len(plan.outcomes.tasks)
    switched: set[tuple[str, int]] = set()
    bad: set[tuple[str, int]] = set()
    for before, after in _pairs_of_rules(plan, run):
        window = (after.at - 1) // plan.size_ms
        old, new = leader(before), leader(after)
        if old != new and first <= window < closed:
            switched.add((after.task, window))
            worths = _worths_at(plan, run, after.at)[after.task]
            if worths[old] - worths[new] > BAD + _ROUNDING:
                bad.add((after.task, window))
    return {
        "switch_rate": len(switched) / pairs if pairs else None,
        "bad_switch_rate": len(bad) / pairs if pairs else None,
    }


def _pairs_of_rules(plan: Plan, run: Run) -> Iterator[tuple[Rule, Rule]]:
    for task in plan.outcomes.tasks:
        yield from pairwise(_rules_of(run, task))


def _rules_of(run: Run, task: str) -> list[Rule]:
    return [rule for rule in run.rules if rule.task == task]


def leader(rule: Rule) -> str:
    """The model with the largest weight."""
    return largest(rule.weights)


def _change_at(run: Run, position: int) -> float:
    """When the query at this position is asked, in milliseconds; infinity past the last."""
    times = run.draw.asked_at
    return float(times[position]) if position < len(times) else math.inf


def _worths_at(plan: Plan, run: Run, at: int) -> Worths:
    begins, ends = (_change_at(run, position) for position in run.draw.shifted)
    return plan.worlds.inside if begins < at <= ends else plan.worlds.outside


def _leave_windows(plan: Plan, run: Run) -> Iterator[float]:
    begins, ends = (_change_at(run, position) for position in run.draw.shifted)
    if plan.shift is None or not begins < ends:
        return
    for task, worths in plan.worlds.inside.items():
        rules = _rules_of(run, task)
        held = in_force(rules, begins)
        left = leader(held)
        is_meant = plan.shift.model in (None, left) and held.weights[left] >= LEFT
        if is_meant and worths[best(worths)] - worths[left] > BAD + _ROUNDING:
            after = [rule for rule in rules if begins < rule.at <= ends]
            times = (rule.at for rule in after if rule.weights.get(left, 0.0) < LEFT)
            yield (next(times, math.inf) - begins) / plan.size_ms


def _found_windows(plan: Plan, run: Run) -> Iterator[float]:
    begins, ends = (_change_at(run, position) for position in run.draw.shifted)
    if plan.shift is None or not begins < ends:
        return
    before, after, changed, recovers = plan.worlds.outside, plan.worlds.inside, begins, None
    if ends < math.inf:
        before, after, changed, recovers = after, before, ends, plan.shift.model
    for task, worths in after.items():
        target, rules = best(worths), _rules_of(run, task)
        had_it = target != recovers or leader(in_force(rules, begins)) == target
        if best(before[task]) != target and had_it:
            later = [rule for rule in rules if rule.at > changed]
            having = [r for r in (in_force(rules, changed), *later) if r.weights[target] > FOUND]
            yield max(0.0, having[0].at - changed) / plan.size_ms if having else math.inf


def in_force(rules: Sequence[Rule], at: float) -> Rule:
    """A task's newest rule at a time; the first rules are there from the start."""
    return next(rule for rule in reversed(rules) if rule.at <= at)
