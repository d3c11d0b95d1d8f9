"""The broker: whether it answers, and has the topics as they should be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from aiokafka.errors import KafkaError

from agents.doctoring.clocks import clock
from agents.doctoring.finding import Finding, fail, ok, warn
from agents.doctoring.groups import groups
from streams.admin import BrokerRefusedError, BrokerUnreachable, TopicReport, list_topics
from streams.clock import NowMs
from streams.denials import told
from streams.settings import Settings

TIMEOUT_S = 15.0
_WAYS = "start one (zeta kafka start), set KAFKA_BOOTSTRAP to yours, or docker compose up"


async def kafka(settings: Settings, now_ms: NowMs) -> list[Finding]:
    """What can be known of the broker; one finding alone where none answers."""
    try:
        reports = await list_topics(settings)
    except BrokerRefusedError as error:
        return [fail("broker", str(error), "mend the setting that it names: docs/security.md")]
    except BrokerUnreachable as error:
        return [fail("broker", str(error), _WAYS)]
    except KafkaError as error:
        return [fail("broker", told(error), "see the broker's log")]
    found = [ok("broker", f"a broker answers at {settings.kafka.bootstrap}"), *_topics(reports)]
    found += await _in_time("clock", clock(settings, now_ms))
    if not any(row.state == "missing" for row in reports):
        found += await _in_time("groups", groups(settings))
    return found


def _topics(reports: Sequence[TopicReport]) -> list[Finding]:
    missing = [row.name for row in reports if row.state == "missing"]
    differ = [row for row in reports if row.state == "differs"]
    if missing:
        said = f"{len(missing)} of {len(reports)} topics are missing: {', '.join(missing)}"
        return [fail("topics", said, "run zeta topics create")]
    if not differ:
        return [ok("topics", f"all {len(reports)} topics are there, as configured")]
    return [
        warn(
            "topics",
            f"{row.name} is not as it should be: {'; '.join(row.differences)}",
            "alter it with Kafka's own tools; zeta never does",
        )
        for row in differ
    ]


async def _in_time(area: str, check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await check
    except (KafkaError, TimeoutError) as error:
        said = f"this can't be told: {told(error)}"
        return [warn(area, said, "see the broker's log, and what zeta topics acls grants")]
