"""The commands by name, each imported when it is needed.

All of them together take 140 MB and more than a second, which every role would pay for.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "demo": "demo:demo",
    "up": "running:up",
    "run": "running:run",
    "ask": "asking:ask",
    "send": "asking:send",
    "tail": "asking:tail",
    "scores": "views:scores",
    "rebuild": "rebuild:rebuild",
    "replay": "replay:replay",
    "evaluate": "evaluate:evaluate",
    "whatif": "whatif:whatif",
    "schemas": "schemas:schemas",
    "doctor": "doctor:doctor",
    "sim-model": "models:sim_model",
    "local-model": "models:local_model",
    "manifests": "manifests:manifests",
    "kafka": "broker:kafka",
    "topics": "broker:topics",
    "bench": "bench:bench",
    "rules": "orders:rules",
    "archive": "archive:archive",
    "dead-letters": "dead_letters:dead_letters",
}
"""Name -> module of this package, and what is a command or a group of commands in it."""


class _Commands(MutableMapping[str, Any]):
    """Makes a command when it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, COMMANDS[name])
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError("commands stay")

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _command(name: str, where: str) -> Any:
    module, _, attribute = where.partition(":")
    found = getattr(import_module(f"agents.commands.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        return typer.main.get_command(single)
    group = typer.main.get_group(found)
    group.name = name
    return group


class Lazily(TyperGroup):
    """A group that imports a command's module when the command is run, or help is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()
