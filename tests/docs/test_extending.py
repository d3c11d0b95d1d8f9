"""Each example of docs/extending.md is put where it says, and does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streams.settings import load
from tests.docs.blocks import ROOT, commands, fenced

PAGE = ROOT / "docs" / "extending.md"


def _titled(language: str) -> list[tuple[str, str]]:
    found = []
    for title, text in fenced(PAGE, language):
        name = re.fullmatch(r'title="(.+)"', title)
        assert name, f"a block of {language} names no file: {title!r}"
        found.append((name[1], text))
    return found


def patched(text: str, diff: str) -> str:
    """The text with a block of `` ``, ``+`` and ``-`` lines applied where its old lines stand."""
    lines = diff.splitlines()
    old = "\n".join(line[1:] for line in lines if line[0] in " -") + "\n"
    new = "\n".join(line[1:] for line in lines if line[0] in " +") + "\n"
    assert text.count(old) == 1, f"the page shows what isn't in the code:\n{old}"
    return text.replace(old, new)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with the page's grader and policy."""
    copy = tmp_path_factory.mktemp("extended")
    for name in ("schemas", "streams", "agents"):
        shutil.copytree(ROOT / name, copy / name)
    for name, text in _titled("python"):
        assert not (copy / name).exists(), f"{name} is there already"
        (copy / name).write_text(text)
    for name, diff in _titled("diff"):
        path = copy / name
        path.write_text(patched(path.read_text(), diff))
    return copy


def _python(copy: Path, *arguments: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ZETA_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env={**inherited, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def test_the_models_and_the_task(tmp_path: Path) -> None:
    file = tmp_path / "zeta.toml"
    file.write_text("\n".join(text for _, text in _titled("toml")))
    settings = load(file, {})
    assert set(settings.models) == {"small-3b", "vectors"}
    assert settings.candidates("summaries") == ("small-3b",)
    assert settings.routing.default_task == "summaries"


def test_the_grader(extended: Path) -> None:
    script = (
        "import asyncio\n"
        "from agents.graders.grading import accuracy\n"
        "from schemas.query import Reference\n"
        "from schemas.response import Response\n"
        "reference = Reference(kind='starts_with', value='Dear')\n"
        "for text in ('Dear reader', 'Hello'):\n"
        "    response = Response(query_id='q', answered_at=0, text=text)\n"
        "    print(asyncio.run(accuracy(response, reference)))\n"
    )
    assert _python(extended, "-c", script).split() == ["1.0", "0.0"]


def test_the_policy(extended: Path) -> None:
    (command,) = commands(PAGE)
    words = command.text.split()
    assert words[0] == "zeta"
    output = _python(extended, "-m", "agents.cli", *words[1:], "--json")
    assert '"policy":"square"' in output
    assert '"policy":"thompson"' in output
