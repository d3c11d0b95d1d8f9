"""``zeta dead-letters redrive`` asks before it sends, where there is somebody to ask."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from agents.cli import app
from agents.commands import dead_letters
from agents.commands.context import Context
from schemas.dead_letter import DeadLetter
from streams.redrive.letters import Brief, brief
from streams.redrive.mark import Place
from streams.redrive.planning import Outcome, Plan, outcome
from streams.settings import Kafka, Settings

LETTER = brief(
    Place(0, 7),
    DeadLetter(
        topic="queries",
        partition=0,
        offset=1,
        timestamp_at=0,
        stage="router",
        error="bad",
        failed_at=1,
    ),
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """What a redrive of one letter has sent, without a broker."""
    rows: list[Outcome] = []

    async def find(*_: Any) -> tuple[list[Brief], int]:
        return [LETTER], 0

    async def planned(*_: Any, **__: Any) -> Plan:
        return Plan([(LETTER, None)], [])  # type: ignore[list-item]  # nobody looks at the target

    async def send(_: Context, __: Kafka, made: Plan) -> list[Outcome]:
        rows.extend(outcome(letter, "sent") for letter, _ in made.send)
        return rows

    monkeypatch.setattr(Context, "connected_settings", lambda _: Settings())
    monkeypatch.setattr(dead_letters, "find_letters", find)
    monkeypatch.setattr(dead_letters, "plan", planned)
    monkeypatch.setattr(dead_letters, "_send", send)
    return rows


@pytest.mark.parametrize(
    ("terminal", "options", "said", "count"),
    [
        (True, [], "n\n", 0),
        (True, [], "y\n", 1),
        (True, ["--yes"], "", 1),
        (True, ["--dry-run"], "", 0),
        (False, [], "", 1),
    ],
)
def test_it_asks_a_person(
    monkeypatch: pytest.MonkeyPatch,
    sent: list[Outcome],
    *,
    terminal: bool,
    options: list[str],
    said: str,
    count: int,
) -> None:
    monkeypatch.setattr(dead_letters, "is_terminal", lambda: terminal)
    command = ["dead-letters", "redrive", "0@7", *options]
    done = CliRunner().invoke(app, command, input=said)
    assert len(sent) == count
    assert ("Send 1 records back?" in done.stderr) == bool(said)
    assert done.exit_code == (said == "n\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name letters, or write --all"),
        (["0@1", "--all"], "name letters, or write --all"),
        (["0@1", "--stage", "router"], "filters go with --all"),
        (["1"], "write a letter as <partition>@<offset>"),
        (["--all", "--since", "offset:2"], "write a time"),
        (["--all", "--until", "soon"], "--until 'soon'"),
    ],
)
def test_wrong_usage_is_told(sent: list[Outcome], arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["dead-letters", "redrive", *arguments])
    assert done.exit_code == 2
    assert message in done.stderr
    assert sent == []
