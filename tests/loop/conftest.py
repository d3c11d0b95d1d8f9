"""A system for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.loop.system import System, system_at


@pytest_asyncio.fixture
async def system(kafka_bootstrap: str, prefix: str, tmp_path: Path) -> AsyncIterator[System]:
    """An empty system: add models, then ``prepare``, then ``run`` roles."""
    async with system_at(kafka_bootstrap, prefix, tmp_path) as made:
        yield made
