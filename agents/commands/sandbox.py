"""``zeta replay --into-sandbox``: the whole loop on replayed traffic, on topics of its own."""

from __future__ import annotations

import dataclasses

from agents.commands.context import Context
from agents.commands.replaying import Order, carry_out
from agents.commands.running import Options, role_command
from agents.replay_view import Outcome
from agents.sandboxing import (
    LEARNED_AGAIN,
    SandboxUsageError,
    compare,
    prepare,
    remove,
    sandbox_flags,
    sandbox_roles,
    until_done,
)
from agents.supervising import Child, supervised
from streams.admin import require_broker
from streams.archive.opening import open_store
from streams.archive.reading import ArchiveLog
from streams.settings import Kafka, Settings
from streams.tables import partitions_of


def _sandbox_order(order: Order) -> Order:
    """The order of a replay into a sandbox, whose target is still to be filled in.

    Raises:
        SandboxUsageError: it names a target, or what the sandbox itself decides.
    """
    if order.to_bootstrap is not None or order.manner.by_key or order.dry_run or order.force:
        raise SandboxUsageError(
            "--into-sandbox has its own topics on kafka.bootstrap: leave out --to-bootstrap, "
            "--by-key, --dry-run and --force"
        )
    keeps = order.selection.topic == LEARNED_AGAIN
    manner = dataclasses.replace(order.manner, keep_timestamps=keeps)
    return dataclasses.replace(order, manner=manner)


async def play_in_sandbox(
    shared: Context, settings: Settings, order: Order, name: str, *, keep: bool
) -> Outcome:
    """Makes the sandbox, runs its roles, replays into it, and waits for all that follows.

    Returns:
        What was sent, with the sandbox's newest rules beside the live ones. Its topics are
        deleted unless ``keep``, or something failed: then the run can be gone on with.

    Raises:
        SandboxError, ReplayError, ArchiveError, BrokerUnreachable, TopicRefusedError.
    """
    order, source = _sandbox_order(order), order.selection.topic
    await require_broker(settings.kafka)
    count = await _partitions(settings.kafka, order)
    flags = shared.flags | sandbox_flags(settings, name, source, count)
    inside = dataclasses.replace(shared, flags=flags)
    sandbox = inside.settings()
    await prepare(sandbox, again=order.run is not None)
    order = dataclasses.replace(order, to=sandbox.kafka.prefix + source)
    children = [
        Child(role, role_command(inside, role, Options("warning")))
        for role in sandbox_roles(sandbox, source)
    ]
    async with supervised(children, shared.say) as gave_up:
        outcome = await carry_out(shared, settings.kafka, order)
        shared.say(f"waiting for the sandbox {sandbox.kafka.prefix}*")
        await until_done(sandbox, source, gave_up.is_set)
    outcome.sandbox = await compare(settings, sandbox)
    if keep:
        shared.say(f"kept: zeta --set kafka.prefix={sandbox.kafka.prefix} rules")
    else:
        await remove(sandbox)
    return outcome


async def _partitions(kafka: Kafka, order: Order) -> int:
    """As many as the source has: so each of its partitions stays one."""
    topic = order.selection.topic
    if order.archive is not None:
        return max(ArchiveLog(open_store(order.archive), [topic]).partitions(topic), default=0) + 1
    return len(await partitions_of(kafka, kafka.prefix + topic))
