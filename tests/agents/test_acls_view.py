"""The table of rights as commands that a shell takes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.acls_view import UnknownRoleError, line, principals
from agents.cli import app
from streams.access import Grant
from streams.settings import Settings


def test_a_row_as_a_command() -> None:
    row = Grant("tuner", "topic", "p-rules", ("Read", "Write"))
    assert line(row, "User:zeta tuner", "h:1,i:1", "admin.properties") == (
        "kafka-acls.sh --bootstrap-server h:1,i:1 --command-config admin.properties --add "
        "--allow-principal 'User:zeta tuner' --operation Read --operation Write --topic p-rules"
    )


def test_principals_by_default_and_by_name() -> None:
    assert principals(Settings(), ())["router"] == "User:zeta-router"
    given = principals(Settings(), ["router=User:CN=r,O=x", "tuner"])
    assert given == {"router": "User:CN=r,O=x", "tuner": "User:zeta-tuner"}


@pytest.mark.parametrize("text", ["worker-x", "router=zeta", "router=User:"])
def test_a_role_or_a_principal_that_is_none(text: str) -> None:
    with pytest.raises(UnknownRoleError, match=f"--role '{text}'"):
        principals(Settings(), [text])


def run(folder: Path, *arguments: str) -> list[str]:
    """The lines that ``zeta topics acls`` prints, without any broker."""
    file = folder / "zeta.toml"
    file.write_text(
        '[kafka]\nprefix = "eu-"\n[tasks.reasoning]\n'
        '[models.m]\nendpoint = "http://h"\nprotocol = "tgi"\nserves = ["chat"]\n'
    )
    done = CliRunner().invoke(app, ["--config", str(file), "topics", "acls", *arguments])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_the_command_prints_both_forms_of_the_same_rows(tmp_path: Path) -> None:
    lines = [shlex.split(one) for one in run(tmp_path)]
    rows = [json.loads(one) for one in run(tmp_path, "--json")]
    assert len(lines) == len(rows) > 40
    for words, row in zip(lines, rows, strict=True):
        assert words[-2:] == [f"--{row['resource']}", row["name"]]
        assert words[words.index("--allow-principal") + 1] == row["principal"]
        operations = [words[i + 1] for i, word in enumerate(words) if word == "--operation"]
        assert operations == row["operations"]
        assert row["name"].startswith("eu-")


def test_one_role_with_its_principal(tmp_path: Path) -> None:
    rows = [json.loads(one) for one in run(tmp_path, "--role", "worker-m=User:gpu", "--json")]
    assert {(row["role"], row["principal"]) for row in rows} == {("worker-m", "User:gpu")}


def test_an_unknown_role_is_wrong_usage(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["topics", "acls", "--role", "x"])
    assert done.exit_code == 2
