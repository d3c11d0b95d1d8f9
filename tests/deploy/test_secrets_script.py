"""scripts/secrets: keys that every container can read and nobody else, made once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from agents.serving_key import SHORTEST_KEY
from tests.deploy.compose_file import EXAMPLE, ROOT, raw, variables


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "secrets", tmp_path / "scripts")
    shutil.copy(EXAMPLE, tmp_path)
    return tmp_path


def make(checkout: Path, *arguments: str) -> str:
    command = [str(checkout / "scripts" / "secrets"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def files(checkout: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (checkout / "deploy" / "secrets").iterdir()}


def test_it_makes_what_the_compose_file_mounts(checkout: Path) -> None:
    make(checkout)
    paths = [secret["file"] for secret in raw()["secrets"].values()]
    assert sorted(f"./deploy/secrets/{name}" for name in files(checkout)) == sorted(paths)
    for name, text in files(checkout).items():
        key = text.strip().removeprefix("default=")
        assert len(key) >= SHORTEST_KEY, name
        assert key.isascii()
        assert " " not in key
    assert len(set(files(checkout).values())) == len(paths)


def test_nobody_else_on_the_machine_gets_in(checkout: Path) -> None:
    make(checkout)
    directory = checkout / "deploy" / "secrets"
    assert directory.stat().st_mode & 0o777 == 0o700
    # Containers' users have other numbers.
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o444}
    assert (checkout / ".env").stat().st_mode & 0o777 == 0o600


def test_a_second_run_changes_nothing(checkout: Path) -> None:
    make(checkout)
    (checkout / "deploy" / "secrets" / "model-key").unlink()
    before = files(checkout) | {".env": (checkout / ".env").read_text()}
    make(checkout)
    after = files(checkout) | {".env": (checkout / ".env").read_text()}
    assert after.pop("model-key")
    assert after == before


def test_env_is_the_example_with_a_password(checkout: Path) -> None:
    shown = make(checkout, "--show")
    given = dict(
        line.split("=", 1)
        for line in (checkout / ".env").read_text().splitlines()
        if line and line[0] != "#"
    )
    password = given.pop("GRAFANA_ADMIN_PASSWORD")
    assert len(password) >= SHORTEST_KEY
    assert password in shown
    assert given.items() <= variables(given["COMPOSE_PROFILES"]).items()


def test_git_and_the_image_leave_them_out() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/.env", "/deploy/secrets/"} <= set(ignored)
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
