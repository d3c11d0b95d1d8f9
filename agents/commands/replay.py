"""``zeta replay``: records of the past onto topics again."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from agents.commands.context import USAGE, Json, get
from agents.commands.replaying import Order, carry_out
from agents.commands.sandbox import play_in_sandbox
from agents.replay_view import outcome_table, shares_table
from agents.sandboxing import SandboxError, SandboxUsageError
from streams.admin import TopicRefusedError
from streams.archive.store import ArchiveError
from streams.replay.bounds import Bound, parse_bound
from streams.replay.filtering import matcher
from streams.replay.pacing import pace_of
from streams.replay.planning import Manner
from streams.replay.problem import ReplayError, ReplayUsageError
from streams.replay.ranges import Selection
from streams.replay.run_id import checked_run_id
from streams.replay.target import checked_servers


def replay(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="A topic's name, e.g. queries.")],
    archive: Annotated[
        str | None, typer.Option(help="Read the topic from this archive (directory or URL).")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Onto this topic; default SOURCE.")] = None,
    to_prefix: Annotated[str | None, typer.Option(help="Its prefix; default kafka.prefix.")] = None,
    to_bootstrap: Annotated[
        str | None, typer.Option(help="Its broker, HOST:PORT; default kafka.bootstrap.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="offset:123, 2026-11-01T10:00Z, Unix ms, or -2h; included."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="As --from, excluded; default: the end as it is now.")
    ] = None,
    partition: Annotated[
        list[int] | None, typer.Option(min=0, help="Only this partition (repeatable).")
    ] = None,
    filter_: Annotated[
        list[str] | None,
        typer.Option("--filter", help="Only where e.g. task=code (repeatable: all of them)."),
    ] = None,
    speed: Annotated[
        float | None, typer.Option(help="So many times as fast as it was recorded.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="So many records per second.")] = None,
    by_key: Annotated[
        bool, typer.Option("--by-key", help="Choose partitions by key, not as in the source.")
    ] = False,
    keep_timestamps: Annotated[
        bool, typer.Option("--keep-timestamps", help="Don't stamp records anew (a sandbox).")
    ] = False,
    run_id: Annotated[
        str | None, typer.Option(help="Go on with this run; sends what is missing.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, send nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Onto the source itself.")] = False,
    into_sandbox: Annotated[
        str | None,
        typer.Option(help="Run the whole loop on it, on topics of its own with this prefix."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the sandbox's topics.")] = False,
    json: Json = False,
) -> None:
    """Send a topic's records again: key, value, headers and order kept, marked as replayed.

    Example: zeta replay queries --from -2h --to-prefix trial- --speed 10

    Sent as fast as possible without --speed or --rate. After an interruption, the same command
    with the --run-id that it printed sends the rest, and a finished run sends nothing.

    Example: zeta --set routing.policy=ucb replay queries --from -2h --into-sandbox trial

    A sandbox asks queries again, or learns from metrics again, with the settings of this call;
    then it shows its rules beside the live ones, which it doesn't touch.
    """
    shared = get(context)
    try:
        settings = shared.settings()
        prefix = settings.kafka.prefix if to_prefix is None else to_prefix
        order = Order(
            selection=Selection(
                source,
                tuple(partition or ()),
                _bound("--from", since),
                _bound("--until", until),
            ),
            matches=matcher(filter_ or ()),
            pace=pace_of(speed, rate),
            manner=Manner(by_key=by_key, keep_timestamps=keep_timestamps),
            archive=archive,
            to=prefix + (source if to is None else to),
            to_bootstrap=checked_servers(to_bootstrap),
            run=checked_run_id(run_id) if run_id is not None else None,
            dry_run=dry_run,
            force=force,
        )
        if into_sandbox is None:
            outcome = asyncio.run(carry_out(shared, settings.kafka, order))
        else:
            playing = play_in_sandbox(shared, settings, order, into_sandbox, keep=keep)
            outcome = asyncio.run(playing)
    except (ReplayUsageError, SandboxUsageError) as error:
        shared.fail(str(error), USAGE)
    except (ReplayError, ArchiveError, SandboxError, TopicRefusedError) as error:
        shared.fail(str(error))
    if json:
        shared.json(outcome)
        return
    shared.out.print(outcome_table(outcome))
    if outcome.sandbox is not None:
        shared.out.print(shares_table(outcome.sandbox))
    shared.say(
        f"[{outcome.records} records {'to send' if dry_run else 'sent'} in "
        f"{outcome.elapsed_s:.1f} s, run {outcome.run}]"
    )


def _bound(argument: str, text: str | None) -> Bound | None:
    return None if text is None else parse_bound(argument, text)
