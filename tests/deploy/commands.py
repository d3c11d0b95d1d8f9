"""Whether the real command line takes some words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from agents.cli import app


class NoCommandError(LookupError):
    """The words name no command."""


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """The arguments of the command that the words mean; nothing is run.

    Raises:
        NoCommandError: there is no such command.
        Exception: typer's own, where it takes no such option or value.
    """
    command, rest = get_command(app), list(words)
    while isinstance(command, TyperGroup):
        if not rest or rest[0] not in command.commands:
            raise NoCommandError(" ".join(words))
        command = command.commands[rest.pop(0)]
    found: dict[str, Any] = command.make_context(words[0], rest).params
    return found
