"""Reading a topic for a person: every record as a line of JSON."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from agents.printable import escaped
from streams.connecting import connection
from streams.consuming import POLL_MS, Record
from streams.settings import Settings
from streams.tables import partitions_of


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """Which records to show, and how."""

    topic: str
    from_beginning: bool = False
    count: int | None = None
    follow: bool = True
    key: str | None = None
    meta: bool = False


async def tail_topic(settings: Settings, tail: Tail, show: Callable[[str], None]) -> int:
    """Shows records until ``count``, or the end as it was at the start without ``follow``.

    Returns:
        How many were shown.

    Raises:
        TopicMissingError: there is no such topic.
    """
    partitions = await partitions_of(settings.kafka, settings.kafka.prefix + tail.topic)
    from_beginning = tail.from_beginning or not tail.follow
    consumer = AIOKafkaConsumer(
        **connection(settings.kafka),
        enable_auto_commit=False,
        # The same as the seek below: the consumer resets new partitions by itself, too, and
        # whichever of the two comes last wins.
        auto_offset_reset="earliest" if from_beginning else "latest",
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        if from_beginning:
            await consumer.seek_to_beginning(*partitions)
        else:
            await consumer.seek_to_end(*partitions)
        return await _show_records(consumer, tail, show, None if tail.follow else ends)
    finally:
        await consumer.stop()


async def _show_records(
    consumer: AIOKafkaConsumer,
    tail: Tail,
    show: Callable[[str], None],
    ends: dict[TopicPartition, int] | None,
) -> int:
    shown = 0
    while ends is None or await _before(consumer, ends):
        for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                if tail.key is not None and record.key != tail.key.encode():
                    continue
                show(line_of(record, meta=tail.meta))
                shown += 1
                if shown == tail.count:
                    return shown
    return shown


async def _before(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return True
    return False


def line_of(record: Record, *, meta: bool) -> str:
    """The record's value as JSON; bytes that are not JSON as ``{"raw": <base64>}``."""
    value = _json(record.value)
    if not meta:
        return escaped(value.decode())
    wrapped: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_at": record.timestamp,
        "key": None if record.key is None else record.key.decode("utf-8", "replace"),
        "headers": {
            name: None if content is None else content.decode("utf-8", "replace")
            for name, content in record.headers
        },
        "value": msgspec.Raw(value),
    }
    return escaped(msgspec.json.encode(wrapped).decode())


def _json(value: bytes | None) -> bytes:
    if value is None:
        return b"null"
    try:
        value.decode()  # the next line doesn't look into texts
        return msgspec.json.format(value, indent=-1)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.encode({"raw": base64.b64encode(value).decode()})
