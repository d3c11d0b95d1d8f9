"""When a query is given up, and what whoever asked is told. Pure."""

from __future__ import annotations

from agents.routing import capable
from schemas.assignment import Assignment
from streams.settings import Settings


def rejection(settings: Settings, assignment: Assignment) -> str | None:
    """What the last model said, when each that could serve the query has refused the query itself.

    Asking them again can't help: a prompt too long for all of them stays too long.
    """
    rejected = {failure.model for failure in assignment.failures if failure.kind == "rejected"}
    if rejected and rejected.issuperset(capable(settings, assignment.query, assignment.task)):
        last = assignment.failures[-1]
        return f"{last.model}: {last.message}"
    return None


def late(assignment: Assignment) -> str:
    """What to tell a client whose time limit has passed."""
    limit_s = (assignment.deadline_at - assignment.asked_at) / 1000
    if not assignment.failures:
        return f"no answer within its time limit of {limit_s:g} s"
    last = assignment.failures[-1]
    return (
        f"no answer within its time limit of {limit_s:g} s; "
        f"last of {len(assignment.failures)} failures: {last.model}: {last.kind}: {last.message}"
    )
