"""What every command shares: settings, output for people and for programs, exit codes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console

from agents.printable import printable
from schemas.wire import Event, encode
from streams.admin import require_broker
from streams.logs import LogFormat, Scrub, formatter
from streams.settings import Settings, load

DEFAULT_FILE = Path("zeta.toml")

FAILED = 1
USAGE = 2
PLAIN_WIDTH = 120

OURS = ("agents", "schemas", "streams")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@dataclass
class Context:
    """Flags given before the command, and where to print.

    ``out`` takes data and is clean of anything else; ``err`` takes messages.
    """

    config: Path | None = None
    flags: dict[str, str] = field(default_factory=dict)
    out: Console = field(default_factory=lambda: _console(stderr=False))
    err: Console = field(default_factory=lambda: _console(stderr=True))

    def settings(self) -> Settings:
        """The settings of this call: ``--config``, ``ZETA_CONFIG``, ``./zeta.toml``, defaults.

        Raises:
            SettingsError: as ``streams.settings.load``.
        """
        return load(self.path(), os.environ, self.flags)

    def connected_settings(self) -> Settings:
        """The settings, once their broker has answered.

        Raises:
            SettingsError: as ``settings``.
            BrokerUnreachable: none does, within about 10 s.
        """
        settings = self.settings()
        asyncio.run(require_broker(settings.kafka))
        return settings

    def path(self) -> Path | None:
        """The file that the settings come from, None for the defaults."""
        named = self.config or (Path(os.environ["ZETA_CONFIG"]) if has_config() else None)
        if named is None and DEFAULT_FILE.exists():
            return DEFAULT_FILE
        return named

    def fail(self, message: str, code: int = FAILED) -> NoReturn:
        """Ends the command with a message."""
        self.err.print(
            printable(f"zeta: {message}"),
            style="red",
            markup=False,
            highlight=False,
            emoji=False,
            soft_wrap=True,
        )
        raise typer.Exit(code)

    def json(self, value: Any) -> None:
        """Prints one line of JSON."""
        if isinstance(value, Event):  # as on the wire: its mappings may have numbers as keys
            line = encode(value)
        else:
            line = msgspec.json.encode(value, enc_hook=str, order="deterministic")
        print(line.decode(), flush=True)

    def say(self, message: str) -> None:
        """Tells a person something."""
        text = printable(message)
        self.err.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _console(*, stderr: bool) -> Console:
    """Tables need some width; what is no terminal has none of its own."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=PLAIN_WIDTH)


def has_config() -> bool:
    """Whether the environment names a settings file."""
    return bool(os.environ.get("ZETA_CONFIG"))


def parse_flags(pairs: Sequence[str]) -> dict[str, str]:
    """``section.key=value`` flags as a mapping.

    Raises:
        typer.BadParameter: a pair without ``=``.
    """
    flags: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator:
            raise typer.BadParameter(f"{pair!r}: write it as section.key=value")
        flags[key] = value
    return flags


def get(context: typer.Context) -> Context:
    """The shared context of a command."""
    found: Context = context.obj
    return found


def log_to_stderr(level: str, name: str, form: LogFormat, scrub: Scrub) -> None:
    """Sets up logging for a role's process: a line, or an object, per message, without secrets.

    The level is ours: libraries' messages below a warning may show headers, and so tokens.
    """
    for ours in OURS:
        logging.getLogger(ours).setLevel(level.upper())
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(form, name, scrub))
    least = max(logging.WARNING, logging.getLogger(OURS[0]).level)
    logging.basicConfig(level=least, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # A new group's coordinator takes a moment; aiokafka calls each of its own retries an error.
    logging.getLogger("aiokafka.consumer.group_coordinator").addFilter(
        lambda entry: "GroupCoordinatorNotAvailableError" not in entry.getMessage()
    )
