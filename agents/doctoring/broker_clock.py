"""The broker's clock, read without writing anything.

A Raft leader tells, in answer to DescribeQuorum, when each voter had last caught up with it, and
of itself the present (Kafka's KIP-836). aiokafka has no such request, so it is written out here.
"""

from __future__ import annotations

from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.struct import Struct
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from streams.connecting import connection
from streams.settings import Kafka

_KEY = 55
_VERSION = 1
_METADATA_TOPIC = "__cluster_metadata"

_REPLICA = (
    ("replica_id", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_timestamp", Int64),
    ("last_caught_up_timestamp", Int64),
    ("tags", TaggedFields),
)


class _QuorumResponse(Response):  # type: ignore[misc]
    API_KEY = _KEY
    API_VERSION = _VERSION
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", CompactArray(*_REPLICA)),
                        ("observers", CompactArray(*_REPLICA)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _QuorumStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = _KEY
    API_VERSION = _VERSION
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _QuorumResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(("partition", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _QuorumRequest(Request[_QuorumStruct]):  # type: ignore[misc]
    API_KEY = _KEY

    def build(self, request_struct_class: type[Struct]) -> Any:
        return request_struct_class([(_METADATA_TOPIC, [(0, {})], {})], {})


async def quorum_now_ms(kafka: Kafka) -> int | None:
    """The active controller's clock, in Unix ms; None where the broker doesn't tell it.

    An older or another broker has no such request, and not everybody may ask.

    Raises:
        KafkaError: no broker can be reached.
    """
    client = AIOKafkaClient(**connection(kafka))
    await client.bootstrap()
    try:
        answer = await client.send(client.get_random_node(), _QuorumRequest())
    except (KafkaError, NotImplementedError):
        return None
    finally:
        await client.close()
    return _leader_time(answer)


def _leader_time(answer: Any) -> int | None:
    if answer.error_code or not answer.topics:
        return None
    _, partitions, _ = answer.topics[0]
    _, code, leader, _, _, voters, _, _ = partitions[0]
    if code:
        return None
    times = [caught_up for replica, _, _, caught_up, _ in voters if replica == leader]
    return int(times[0]) if times and times[0] > 0 else None
