"""The fixtures of the tests that run processes against a broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.broker import ephemeral
from streams.broker.ephemeral import EphemeralBroker
from tests.streams.harness import Lab


@pytest.fixture
def lab(kafka_bootstrap: str, prefix: str, tmp_path: Path) -> Iterator[Lab]:
    """A place for processes on the shared broker; they are killed at the end."""
    lab = Lab(kafka_bootstrap, prefix, tmp_path)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def own_broker() -> Iterator[EphemeralBroker]:
    """A broker that a test may kill, if it starts it again."""
    with ephemeral() as broker:
        yield broker
