"""A sandbox: the whole loop under a topic prefix of its own, on replayed records.

What it learns, and what it makes of it, stays in its own topics; live rules, groups and archives
are not touched.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition

from agents import aggregator, archiver, grader, router, tuner, worker
from agents.roles import role_names
from schemas.routing_rule import RoutingRule
from streams.admin import create_topics
from streams.connecting import connection
from streams.patience import commits_of
from streams.settings import Settings
from streams.tables import TopicMissingError, partitions_of, read_all
from streams.topics import model_topic, topic_table

ASKED_ANEW = "queries"
LEARNED_AGAIN = "metrics"
"""What a sandbox can be made of: questions, which models answer again; or what came of them."""

NAME = re.compile(r"[a-zA-Z0-9_-]{1,30}")
NEVER_S = 10 * 365 * 86_400
POLL_S = 0.5
MARGIN_S = 2.0


class SandboxError(RuntimeError):
    """The sandbox can't be made or didn't come to an end; the message says what to do."""


class SandboxUsageError(SandboxError):
    """What was asked for can't be a sandbox."""


class Shares(msgspec.Struct, kw_only=True):
    """A task's newest rules: shares by model. ``live`` is empty where there is no live rule."""

    task: str
    rules: int
    sandbox: dict[str, float]
    live: dict[str, float]


def sandbox_flags(settings: Settings, name: str, source: str, partitions: int) -> dict[str, str]:
    """The settings that make a system a sandbox, as ``--set`` flags.

    Recorded ``metrics`` bring their own ticks; the present would close their windows too soon.

    Raises:
        SandboxUsageError: of such a topic nothing can be made; a name that no topic can have.
    """
    if source not in (ASKED_ANEW, LEARNED_AGAIN):
        raise SandboxUsageError(
            f"--into-sandbox takes {ASKED_ANEW} (asked again) or {LEARNED_AGAIN} (learned from "
            f"again), not {source}"
        )
    if not NAME.fullmatch(name):
        raise SandboxUsageError(f"--into-sandbox {name!r}: letters, digits, _ and - (at most 30)")
    flags = {
        "kafka.prefix": f"{settings.kafka.prefix}{name}-",
        "kafka.sandbox": "true",
        "kafka.partitions": str(partitions),
        # The live ones have those ports, and nobody asks a sandbox.
        "gateway.enabled": "false",
        "dashboard.enabled": "false",
    }
    if source == LEARNED_AGAIN:
        flags["windows.tick_s"] = str(NEVER_S)
    return flags


def sandbox_roles(settings: Settings, source: str) -> list[str]:
    """The roles that run in it: all but the archiver; without questions, those that learn."""
    if source == ASKED_ANEW:
        return [name for name in role_names(settings) if name != archiver.ROLE]
    return [aggregator.ROLE, tuner.ROLE]


async def prepare(settings: Settings, *, again: bool) -> None:
    """Makes the sandbox's topics.

    Raises:
        SandboxError: it is there already, and isn't to be gone on with.
        BrokerUnreachable, TopicRefusedError: as ``create_topics``.
    """
    reports = await create_topics(settings)
    if not again and any(row.state != "created" for row in reports):
        prefix = settings.kafka.prefix
        raise SandboxError(
            f"topics {prefix}* are there already: name another sandbox, go on with --run-id, or "
            "delete them"
        )


async def until_done(settings: Settings, source: str, stopped: Callable[[], bool]) -> None:
    """Waits until every record has gone through the loop, and no rule follows any more.

    Raises:
        SandboxError: the roles ended before.
    """
    windows = settings.windows
    quiet_s = windows.pane_ms / 1000 + windows.lateness_s + MARGIN_S
    # Where the clock ticks, windows close for ever.
    made_of = ["rules-log"] if source == ASKED_ANEW else ["rules-log", "scores"]
    loop = asyncio.get_running_loop()
    consumer = AIOKafkaConsumer(**connection(settings.kafka))
    await consumer.start()
    try:
        seen, since = -1, loop.time()
        while loop.time() - since < quiet_s:
            if stopped():
                raise SandboxError("the sandbox's roles have ended; see their messages above")
            await asyncio.sleep(POLL_S)
            made = sum((await _ends(settings, consumer, made_of)).values())
            if made != seen or await _lag(settings, source, consumer):
                seen, since = made, loop.time()
    finally:
        await consumer.stop()


async def _ends(
    settings: Settings, consumer: AIOKafkaConsumer, topics: Sequence[str]
) -> Mapping[TopicPartition, int]:
    kafka = settings.kafka
    partitions = [tp for topic in topics for tp in await partitions_of(kafka, kafka.prefix + topic)]
    found: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
    return found


async def _lag(settings: Settings, source: str, consumer: AIOKafkaConsumer) -> int:
    """Records that a role still has to take; partitions that the aggregator hasn't begun."""
    readers = {}
    if source == ASKED_ANEW:
        readers = {router.ROLE: ["queries", "reroutes"], grader.ROLE: ["responses"]}
        readers |= {f"{worker.ROLE}-{name}": [model_topic(name)] for name in settings.models}
    lag = 0
    for group, topics in readers.items():
        for end, committed in await _progress(settings, group, topics, consumer):
            lag += end - max(0, committed)
    # Its commit is where its oldest open window begins.
    metrics = await _progress(settings, aggregator.ROLE, ["metrics"], consumer)
    return lag + sum(end > 0 > committed for end, committed in metrics)


async def _progress(
    settings: Settings, group: str, topics: Sequence[str], consumer: AIOKafkaConsumer
) -> list[tuple[int, int]]:
    """The end of each partition, and what the group has committed there (-1: nothing)."""
    ends = await _ends(settings, consumer, topics)
    committed = await commits_of(settings.kafka, settings.kafka.prefix + group, list(ends))
    return [(end, committed[tp].offset) for tp, end in ends.items()]


async def compare(live: Settings, sandbox: Settings) -> list[Shares]:
    """The newest rules of the sandbox beside the live ones, by task."""
    logged = await read_all(sandbox.kafka, "rules-log", RoutingRule)
    counts: dict[str, int] = {}
    for _, rule in logged:
        counts[rule.task] = max(counts.get(rule.task, 0), rule.version)
    newest = await _newest(sandbox)
    try:
        standing = await _newest(live)
    except TopicMissingError:
        standing = {}
    return [
        Shares(
            task=task,
            rules=counts.get(task, 0),
            sandbox=_shares(newest.get(task)),
            live=_shares(standing.get(task)),
        )
        for task in sandbox.tasks
    ]


async def _newest(settings: Settings) -> dict[str, RoutingRule]:
    return {rule.task: rule for _, rule in await read_all(settings.kafka, "rules", RoutingRule)}


def _shares(rule: RoutingRule | None) -> dict[str, float]:
    if rule is None:
        return {}
    total = sum(rule.weights.values())
    return {name: weight / total for name, weight in sorted(rule.weights.items())}


async def remove(settings: Settings) -> None:
    """Deletes the sandbox's topics, by their names."""
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await admin.start()
    try:
        prefix = settings.kafka.prefix
        await admin.delete_topics([prefix + row.name for row in topic_table(settings.models)])
    finally:
        await admin.close()
