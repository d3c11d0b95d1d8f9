"""``reference/commands.md``: every command, from the same text that ``--help`` prints."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from agents.cli import app
from agents.documenting.markdown import code, page, prose, table

_ABOUT = """`zeta COMMAND --help` prints the same. Exit codes: 0, 1 (failed), 2 (wrong usage or
settings). Options before the command: `--config FILE`, `--set section.key=value` (repeatable)."""


def commands_page() -> str:
    """The page, in the order of ``zeta --help``."""
    root: Any = typer.main.get_command(app)
    sections = [
        section for name in root.commands for section in _sections(root.commands[name], name)
    ]
    return page("Commands", " ".join(_ABOUT.split()), _completion(), *sections)


def _completion() -> str:
    return (
        "## Shell completion\n\n"
        "`zeta --install-completion` sets it up for your shell (bash, zsh, fish), "
        "`zeta --show-completion` prints what it would add. Roles, topics, models and tasks are "
        "completed from the settings."
    )


def _sections(command: Any, name: str) -> Iterator[str]:
    if not hasattr(command, "commands"):
        yield _section(command, name)
        return
    if command.callback is not None and command.invoke_without_command:
        yield _section(command, name)
    for inner in command.commands:
        yield from _sections(command.commands[inner], f"{name} {inner}")


def _section(command: Any, name: str) -> str:
    text = prose(inspect.cleandoc(command.help or ""))
    said, *more = text.split("\n\n")
    shown = [_example(part) for part in more]
    parameters = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = " ".join(_usage(each) for each in parameters if each.param_type_name == "argument")
    lines = [f"## zeta {name}", said, *shown]
    rows = [_row(each) for each in parameters if each.name != "help"]
    if rows:
        lines.append(table(("", "", "default"), rows))
    if arguments:
        lines.insert(1, code(f"zeta {name} {arguments}"))
    return "\n\n".join(lines)


def _example(part: str) -> str:
    before, marked, command = part.partition("Example: ")
    return f"{before}Example: `{command.strip()}`" if marked and not before else part


def _usage(argument: Any) -> str:
    name = (argument.metavar or argument.name or "").upper()
    shown = f"{name}..." if argument.nargs != 1 else name
    return shown if argument.required else f"[{shown}]"


def _row(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        name = code(_usage(parameter).strip("[]"))
    else:
        name = ", ".join(map(code, (*parameter.opts, *parameter.secondary_opts)))
    return name, prose(getattr(parameter, "help", None) or ""), _default(parameter)


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if isinstance(value, bool):
        return "on" if value and parameter.secondary_opts else ""
    return code(str(value)) if isinstance(value, int | float | str) and value != "" else ""
