"""Who runs, and what waits for them: each role's consumer group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from agents.doctoring.finding import Finding, ok, warn
from agents.roles import role_names
from streams.access import Grant, grants
from streams.access import role_names as principals
from streams.connecting import connection
from streams.settings import Settings

BEHIND = 10_000
"""So many records waiting for a role that runs are worth a word."""


@dataclass(frozen=True)
class Group:
    """A role's group: how many processes it has, and how many records wait for it."""

    role: str
    members: int
    lag: int


async def groups(settings: Settings) -> list[Finding]:
    """What is to be said of the groups of all roles that the settings call for.

    Raises:
        KafkaError: the broker can't be asked.
    """
    known = principals(settings)
    roles = [role for role in role_names(settings) if role in known]
    named = {role: name for role in roles if (name := _group(settings, role)) is not None}
    return judged(await _looked_at(settings, named))


def _group(settings: Settings, role: str) -> str | None:
    rows = grants(settings, role)
    return next((row.name for row in rows if _commits(row)), None)


def _commits(row: Grant) -> bool:
    return row.resource == "group" and "Read" in row.operations


def judged(found: Sequence[Group]) -> list[Finding]:
    """One finding where all is well or nothing runs; else one for each role that isn't well."""
    if not any(group.members for group in found):
        waits = sum(group.lag for group in found)
        return [warn("roles", f"no role runs; {waits} records wait for them", "run zeta up")]
    troubles = [each for group in found for each in _troubles(group)]
    if troubles:
        return troubles
    lag = sum(group.lag for group in found)
    return [ok("roles", f"all {len(found)} roles run; {lag} records wait for them")]


def _troubles(group: Group) -> list[Finding]:
    if not group.members:
        said = f"no process of {group.role} runs; {group.lag} records wait for it"
        return [warn("roles", said, f"run zeta run {group.role}")]
    if group.lag > BEHIND:
        said = f"{group.role} is behind: {group.lag} records wait for its {group.members} processes"
        return [warn("roles", said, "run more of it, up to kafka.partitions: docs/operations.md")]
    return []


async def _looked_at(settings: Settings, named: Mapping[str, str]) -> list[Group]:
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    consumer = AIOKafkaConsumer(**connection(settings.kafka), enable_auto_commit=False)
    try:
        await admin.start()
        await consumer.start()
        return [await _one(admin, consumer, role, name) for role, name in named.items()]
    finally:
        await consumer.stop()
        await admin.close()


async def _one(
    admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, role: str, name: str
) -> Group:
    replies = await admin.describe_consumer_groups([name])
    members = sum(len(group[5]) for reply in replies for group in reply.groups)
    committed = await admin.list_consumer_group_offsets(name)
    return Group(role, members, await _lag(consumer, committed))


async def _lag(consumer: AIOKafkaConsumer, committed: Mapping[TopicPartition, object]) -> int:
    offsets = {each: int(getattr(where, "offset", -1)) for each, where in committed.items()}
    read = {each: offset for each, offset in offsets.items() if offset >= 0}
    ends = await consumer.end_offsets(list(read)) if read else {}
    return sum(max(0, int(ends[each]) - offset) for each, offset in read.items())
