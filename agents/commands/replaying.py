"""How a replay that was ordered on the command line is carried out."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from aiokafka.errors import KafkaError
from rich.progress import Progress

from agents.commands.context import Context
from agents.replay_view import Outcome, outcome_of
from streams.admin import BrokerRefusedError, BrokerUnreachable, require_broker
from streams.archive.opening import open_store
from streams.archive.reading import ArchiveLog
from streams.archive.store import ArchiveError
from streams.denials import denied
from streams.history import Log, open_history
from streams.replay.filtering import Matches
from streams.replay.pacing import AtOnce, Pace
from streams.replay.planning import Manner, Plan, check_target, is_same_topic, plan
from streams.replay.problem import ReplayError
from streams.replay.ranges import Selection
from streams.replay.run_id import new_run_id
from streams.replay.running import Clock, Replay
from streams.replay.sending import Dry, Sender, open_batches
from streams.replay.target import Target, find_topic
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


async def carry_out(shared: Context, kafka: Kafka, order: Order) -> Outcome:
    """Sends what is ordered; ``kafka`` is where the source is.

    Raises:
        ReplayError, ArchiveError: it can't be done, or not wholly; the message says what to do.
    """
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
            raise ReplayError(
                f"{denied(error) or error}; then go on with --run-id {replaying.run}"
            ) from error


async def _target(kafka: Kafka, order: Order) -> Target:
    argument = "the target (--to, --to-prefix)"
    if order.to_bootstrap is None:
        await require_broker(kafka)
        return await find_topic(kafka, order.to, argument)
    there = msgspec.structs.replace(kafka, bootstrap=order.to_bootstrap)
    try:
        await require_broker(there)
    except BrokerRefusedError as error:
        raise ReplayError(f"--to-bootstrap: {error}") from error
    except BrokerUnreachable as error:
        raise ReplayError(
            f"--to-bootstrap: no Kafka broker answers at {order.to_bootstrap}"
        ) from error
    return await find_topic(there, order.to, argument)


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
    source = await find_topic(kafka, kafka.prefix + topic, "SOURCE")
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


def _now() -> int:
    return time.time_ns() // 1_000_000
