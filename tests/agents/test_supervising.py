"""What is started again, and when that comes to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from agents import supervising
from agents.supervising import RESTARTS, Child, Supervisor


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "PAUSE_S", 0.001)


def dying(log: Path) -> Child:
    """It notes that it has run, and fails."""
    return Child("role", ["/bin/sh", "-c", f"echo run >> {log}; exit 3"])


def runs(log: Path) -> int:
    return len(log.read_text().splitlines())


def supervisor(child: Child, say: Callable[[str], None], excuses: int) -> Supervisor:
    """One whose broker is away at so many deaths."""
    left = [True] * excuses

    async def excused() -> bool:
        return bool(left) and left.pop()

    return Supervisor([child], asyncio.Event(), 1.0, say, excused)


async def test_what_keeps_dying_takes_the_rest_down(tmp_path: Path) -> None:
    said: list[str] = []
    assert await supervisor(dying(tmp_path / "log"), said.append, 0).run() == 1
    assert runs(tmp_path / "log") == RESTARTS
    assert said[-1] == f"role died {RESTARTS} times within 60 s"


async def test_a_death_for_want_of_a_broker_is_not_counted(tmp_path: Path) -> None:
    """Nor do those before it count any more."""
    said: list[str] = []
    assert await supervisor(dying(tmp_path / "log"), said.append, 7).run() == 1
    assert runs(tmp_path / "log") == 7 + RESTARTS
