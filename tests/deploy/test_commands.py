"""The check of command lines says no where it should."""

from __future__ import annotations

import pytest

from tests.deploy.commands import NoCommandError, parsed


def test_what_the_command_line_takes() -> None:
    assert parsed(["run", "router"])["roles"] == ["router"]
    assert parsed(["sim-model", "demo", "--port", "8101"])["port"] == 8101
    assert parsed(["topics", "create"]) == {"json": False}


@pytest.mark.parametrize("words", [["start", "router"], ["topics"], ["topics", "make"], []])
def test_no_such_command(words: list[str]) -> None:
    with pytest.raises(NoCommandError):
        parsed(words)


@pytest.mark.parametrize(
    "words", [["run"], ["sim-model", "--ports", "1"], ["sim-model", "--port", "x"]]
)
def test_no_such_option_or_value(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"[Mm]issing|[Nn]o such option|valid integer"):
        parsed(words)
