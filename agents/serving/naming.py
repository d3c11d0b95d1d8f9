"""The names that ``model`` may have: ``auto``, ``auto:<task>``, or a configured model. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.serving.refusals import Refusal
from schemas.model_status import Capability
from streams.settings import Settings

AUTO = "auto"
_OF_TASK = f"{AUTO}:"


@dataclass(frozen=True)
class Target:
    """Who may answer. ``task`` None: the router's classifier says; ``models`` empty: anyone."""

    task: str | None = None
    models: tuple[str, ...] = ()


def names(settings: Settings, needs: Capability | None = None) -> Iterator[str]:
    """Every name, of those that serve ``needs``, or of all."""
    tasks = [name for name, task in settings.tasks.items() if needs in (None, task.needs)]
    if tasks:
        yield AUTO
    yield from (_OF_TASK + name for name in tasks)
    for name, model in settings.models.items():
        if name != AUTO and any(needs in (None, one) for one in model.serves):
            yield name


def target(settings: Settings, name: str, needs: Capability, task: str | None) -> Target:
    """Who is meant.

    Args:
        settings: the models and tasks.
        name: the request's ``model``.
        needs: what the request's path takes.
        task: the one that a header names, or None.

    Raises:
        Refusal: 404 for a name that isn't one of ``names``, 400 for a task that doesn't fit.
    """
    if name not in names(settings, needs):
        known = ", ".join(names(settings, needs)) or "none"
        message = f"no model {name!r} for this; there are: {known}"
        raise Refusal(404, "model_not_found", message, param="model")
    if name.startswith(_OF_TASK):
        own = name.removeprefix(_OF_TASK)
        if task not in (None, own):
            raise _task_refusal(f"model {name} is of another task than {task!r}")
        return Target(own)
    possible = _tasks(settings, name, needs)
    if task is not None and task not in possible:
        raise _task_refusal(f"no task {task!r} for model {name}: {', '.join(possible) or 'none'}")
    if name == AUTO:
        return Target(task)
    if not possible:
        message = f"model {name!r} is no task's candidate"
        raise Refusal(404, "model_not_found", message, param="model")
    anyone = possible == _tasks(settings, AUTO, needs)
    return Target(task or (None if anyone else possible[0]), (name,))


def _tasks(settings: Settings, name: str, needs: Capability) -> list[str]:
    return [
        task
        for task, row in settings.tasks.items()
        if row.needs == needs and (name == AUTO or name in settings.candidates(task))
    ]


def _task_refusal(message: str) -> Refusal:
    return Refusal(400, "invalid_value", message, param="x-zeta-task")
