"""What tests share: one real broker, and a prefix of their own for each test's topics."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from streams.broker import ephemeral


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """A broker's address: ``KAFKA_BOOTSTRAP``, or one that lives as long as the tests."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with ephemeral() as broker:
        yield broker.bootstrap


@pytest.fixture
def prefix() -> str:
    """A prefix for topics and groups that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}-"
