"""``zeta``: the command line."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from agents.client import QueryFileError
from agents.commands.context import FAILED, USAGE, Context, parse_flags
from agents.commands.lazily import Lazily
from agents.local.missing import MissingWheelError
from agents.simulation.profile import ProfileError
from streams.admin import BrokerUnreachable, TopicRefusedError
from streams.broker import BrokerError
from streams.denials import denied
from streams.producing import RecordTooLargeError, SendFailedError
from streams.settings import SettingsError
from streams.tables import TopicMissingError
from streams.tracing import TracingError

app = typer.Typer(
    cls=Lazily,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A Kafka-native router for language and embedding models that learns from every answer.",
)


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="Settings file; default $ZETA_CONFIG, then ./zeta.toml."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="section.key=value, over the file and the environment."),
    ] = None,
) -> None:
    """Options before the command."""
    # A broker that doesn't answer is told in one line; roles set up their own logging.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    context.obj = Context(config=config, flags=parse_flags(set_ or []))


def main() -> None:
    """Runs the command; an expected error is one line, and its exit code 1 (2: wrong usage)."""
    shared = Context()
    try:
        app()
    except (SettingsError, QueryFileError, ProfileError, TracingError) as error:
        shared.say(f"zeta: {error}")
        sys.exit(USAGE)
    except (
        BrokerError,
        BrokerUnreachable,
        MissingWheelError,
        TopicMissingError,
        RecordTooLargeError,
        SendFailedError,
        TopicRefusedError,
        KafkaError,
    ) as error:
        shared.say(f"zeta: {denied(error) or error}")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
