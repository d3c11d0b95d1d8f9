"""What every test of a sandbox leaves behind: nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.agents.graders.attack import sandboxed


@pytest.fixture
def nothing_survives() -> Iterator[None]:
    """After the test every process of its sandboxes is gone."""
    yield
    until = time.monotonic() + 5
    while (left := sandboxed()) and time.monotonic() < until:
        os.sched_yield()
    assert left == []
