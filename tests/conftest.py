"""What tests share: one real broker, a prefix of each test's own for its topics, and spans."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams.broker import ephemeral
from streams.spans import Spans
from streams.tracing import Tracing


async def groups_known(bootstrap: str) -> None:
    """Returns once the broker can tell a group's offsets: it makes a topic for them on demand."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    await admin.list_consumer_group_offsets("none")
                except GroupCoordinatorNotAvailableError:
                    await asyncio.sleep(0.05)
                else:
                    return
    finally:
        await admin.close()


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """A broker's address: ``KAFKA_BOOTSTRAP``, or one that lives as long as the tests."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with ephemeral() as broker:
        asyncio.run(groups_known(broker.bootstrap))
        yield broker.bootstrap


@pytest.fixture
def prefix() -> str:
    """A prefix for topics and groups that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}-"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Where the spans of ``tracing`` end up."""
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    """Tracing that records spans, in memory."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    found = Tracing()
    found.spans = Spans(provider)
    return found
