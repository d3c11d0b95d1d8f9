"""Many runs' measures as one policy's figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from agents.evaluation.measures import Measured
from agents.evaluation.plan import Plan


def figures(plan: Plan, runs: Sequence[Measured], elapsed_s: float) -> dict[str, Any]:
    """What ``zeta evaluate --json`` prints of a policy: means over the runs, and what it was.

    ``accuracy_se`` is the standard error of the mean over the seeds, None for one seed.
    """
    routing = plan.settings.routing
    return {
        "policy": routing.policy,
        "objective": routing.objective,
        "queries": len(plan.outcomes.keys),
        "left_out": plan.outcomes.left_out,
        "latency": plan.outcomes.latency,
        "seeds": len(runs),
        **{name: _mean(runs, name) for name in runs[0].figures},
        "accuracy_se": _standard_error([run.figures["accuracy"] or 0.0 for run in runs]),
        **(_shift_figures(runs) if plan.shift else {}),
        "elapsed_s": round(elapsed_s, 3),
    }


def _mean(runs: Sequence[Measured], name: str) -> float | None:
    known = [value for run in runs if (value := run.figures[name]) is not None]
    return fmean(known) if known else None


def _standard_error(values: Sequence[float]) -> float | None:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def _shift_figures(runs: Sequence[Measured]) -> dict[str, Any]:
    """Over all (seed, task) pairs that count; ``…_pairs`` says how many those are."""
    leave = [windows for run in runs for windows in run.leave_windows]
    found = [windows for run in runs for windows in run.found_windows]
    again = [windows for windows in found if windows < math.inf]
    return {
        "leave_pairs": len(leave),
        "leave_windows_median": quantile(leave, 0.5),
        "leave_windows_p90": quantile(leave, 0.9),
        "found_again_pairs": len(found),
        "found_again_share": len(again) / len(found) if found else None,
        "found_again_windows_median": quantile(again, 0.5),
    }


def quantile(values: Sequence[float], q: float) -> float | None:
    """The smallest value that at least the share ``q`` doesn't exceed; None where infinite."""
    if not values:
        return None
    found = sorted(values)[max(0, math.ceil(q * len(values)) - 1)]
    return found if found < math.inf else None
