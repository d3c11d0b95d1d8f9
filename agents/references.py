"""What answers are graded by: their query's reference, else their task's. Pure."""

from __future__ import annotations

from agents.graders import GRADERS, SLOW_GRADERS
from schemas.query import Reference
from schemas.response import Response
from streams.settings import Settings, SettingsError


def reference_of(settings: Settings, response: Response) -> Reference | None:
    """What the answer is graded by: its query's reference, else its task's; None: nothing."""
    if response.decision is None or response.error is not None:
        return None
    task = settings.tasks.get(response.decision.task)
    if response.reference is not None or task is None or task.reference is None:
        return response.reference
    default = task.reference
    return Reference(kind=default.kind, value=default.value, tolerance=default.tolerance)


def check_references(settings: Settings) -> None:
    """Refuses a task whose answers nothing can grade.

    Raises:
        SettingsError: its reference's kind has no grader.
    """
    for name, task in settings.tasks.items():
        kinds = (*GRADERS, *SLOW_GRADERS)
        if task.reference is not None and task.reference.kind not in kinds:
            key, known = f"tasks.{name}.reference.kind", ", ".join(kinds)
            problem = f"must be one of {known}; got {task.reference.kind!r}"
            raise SettingsError("settings", key, problem)
