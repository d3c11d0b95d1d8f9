"""``zeta replay``: records of the past onto topics again."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer
from aiokafka.errors import KafkaError
from rich.progress import Progress

from agents.commands.context import USAGE, Context, Json, get
from agents.replay_view import Outcome, outcome_of, outcome_table
from streams.admin import BrokerUnreachable, require_broker
from streams.archive.opening import open_store
from streams.archive.reading import ArchiveLog
from streams.archive.store import ArchiveError
from streams.history import Log, open_history
from streams.replay.bounds import Bound, parse_bound
from streams.replay.filtering import Matches, matcher
from streams.replay.pacing import AtOnce, Pace, pace_of
from streams.replay.planning import Manner, Plan, check_target, is_same_topic, plan
from streams.replay.problem import ReplayError, ReplayUsageError
from streams.replay.ranges import Selection
from streams.replay.run_id import checked_run_id, new_run_id
from streams.replay.running import Clock, Replay
from streams.replay.sending import Dry, Sender, open_batches
from streams.replay.target import Target, checked_servers, find_topic
from streams.settings import Kafka


@dataclass(frozen=True)
class Order:
    """What the command line says, checked."""

    selection: Selection
    matches: Matches | None
    pace: Pace
    manner: Manner
    archive: str | None
    to: str
    to_bootstrap: str | None
    run: str | None
    dry_run: bool
    force: bool


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
    json: Json = False,
) -> None:
    """Send a topic's records again: key, value, headers and order kept, marked as replayed.

    Example: zeta replay queries --from -2h --to-prefix trial- --speed 10

    Sent as fast as possible without --speed or --rate. After an interruption, the same command
    with the --run-id that it printed sends the rest, and a finished run sends nothing.
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
        outcome = asyncio.run(_replay(shared, settings.kafka, order))
    except ReplayUsageError as error:
        shared.fail(str(error), USAGE)
    except (ReplayError, ArchiveError) as error:
        shared.fail(str(error))
    if json:
        shared.json(outcome)
        return
    shared.out.print(outcome_table(outcome))
    shared.say(
        f"[{outcome.records} records {'to send' if dry_run else 'sent'} in "
        f"{outcome.elapsed_s:.1f} s, run {outcome.run}]"
    )


async def _replay(shared: Context, kafka: Kafka, order: Order) -> Outcome:
    target = await _target(kafka, order)
    began_s = time.monotonic()
    async with _source(kafka, order, target) as (log, onto_itself):
        now = _now()
        run = order.run or new_run_id(now, secrets.randbits(32))
        made = await plan(
            log,
            order.selection,
            target,
            order.manner,
            run=run,
            now=now,
            is_new=order.run is None,
        )
        async with _sender(order, target) as sender:
            replaying = Replay(
                log=log,
                topic=order.selection.topic,
                ranges=made.ranges,
                target=target,
                sender=sender,
                run=run,
                started=made.started,
                sent=made.sent,
                clock=Clock(_now, time.monotonic, asyncio.sleep),
                # Counting needn't wait.
                pace=AtOnce() if order.dry_run else order.pace,
                matches=order.matches,
                by_key=order.manner.by_key,
                keep_timestamps=order.manner.keep_timestamps,
                onto_itself=onto_itself,
            )
            await _play(shared, order, made, replaying)
    return outcome_of(
        list(replaying.parts.values()),
        run=run,
        source=order.selection.topic,
        target=target.topic,
        dry_run=order.dry_run,
        elapsed_s=time.monotonic() - began_s,
    )


async def _play(shared: Context, order: Order, made: Plan, replaying: Replay) -> None:
    if not order.dry_run:
        shared.say(f"run {replaying.run} (if it is interrupted: --run-id {replaying.run})")
    total = sum(one.end - one.start for one in made.ranges)
    with Progress(console=shared.err, transient=True) as progress:
        bar = progress.add_task(order.selection.topic, total=total)
        replaying.progress = lambda count: progress.advance(bar, count)
        try:
            await replaying.play()
        except (ReplayError, KafkaError, ArchiveError) as error:
            if order.dry_run:
                raise
            raise ReplayError(f"{error}; then go on with --run-id {replaying.run}") from error


async def _target(kafka: Kafka, order: Order) -> Target:
    argument = "the target (--to, --to-prefix)"
    if order.to_bootstrap is None:
        await require_broker(kafka)
        return await find_topic(kafka.bootstrap, order.to, argument)
    try:
        await require_broker(msgspec.structs.replace(kafka, bootstrap=order.to_bootstrap))
    except BrokerUnreachable as error:
        raise ReplayError(
            f"--to-bootstrap: no Kafka broker answers at {order.to_bootstrap}"
        ) from error
    return await find_topic(order.to_bootstrap, order.to, argument)


@asynccontextmanager
async def _source(kafka: Kafka, order: Order, target: Target) -> AsyncIterator[tuple[Log, bool]]:
    """The log, and whether the target is part of it."""
    topic = order.selection.topic
    force = order.force or order.dry_run
    if order.archive is not None:
        check_target(None, target, order.manner, force=force)
        yield ArchiveLog(open_store(order.archive), [topic]), False
        return
    await require_broker(kafka)
    source = await find_topic(kafka.bootstrap, kafka.prefix + topic, "SOURCE")
    check_target(source, target, order.manner, force=force)
    async with open_history(kafka, [topic]) as history:
        yield history, is_same_topic(source, target)


@asynccontextmanager
async def _sender(order: Order, target: Target) -> AsyncIterator[Sender]:
    if order.dry_run:
        yield Dry()
        return
    async with open_batches(target) as batches:
        yield batches


def _bound(argument: str, text: str | None) -> Bound | None:
    return None if text is None else parse_bound(argument, text)


def _now() -> int:
    return time.time_ns() // 1_000_000
