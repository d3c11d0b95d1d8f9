"""The pages on deployment: their commands are commands, their files are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
import yaml

from tests.deploy.cluster import DIRECTORY
from tests.deploy.commands import parsed
from tests.deploy.compose_file import ROOT, raw, services

PAGES = ("deployment.md", "kubernetes.md")
FILE = re.compile(r"\b((?:deploy|scripts|tests)/[\w./-]*\w)")
KNOWN = {"docker", "kubectl", "scripts/secrets", "sudo", "zeta"}


def text(page: str) -> str:
    return (ROOT / "docs" / page).read_text()


def lines(page: str) -> Iterator[list[str]]:
    """The lines that are to be typed, in words."""
    for line in re.sub(r"```.*?```", "", text(page), flags=re.DOTALL).splitlines():
        if line.startswith("    "):
            yield shlex.split(line)


def of_zeta(words: list[str]) -> list[str]:
    """The words after ``zeta`` and its own options."""
    rest = words[words.index("zeta") + 1 :]
    return rest[2:] if rest[0] == "--config" else rest


@pytest.mark.parametrize("page", PAGES)
def test_each_command_is_one(page: str) -> None:
    for words in lines(page):
        assert words[0] in KNOWN, words
        if words[0] == "docker" and words[1] == "compose" and words[2] == "exec":
            assert words[3] in services("gpu")
        if words[0] == "zeta" or "exec" in words:
            parsed(of_zeta(words))


@pytest.mark.parametrize("page", PAGES)
def test_each_file_is_there(page: str) -> None:
    for path in set(FILE.findall(text(page))):
        assert path.startswith("deploy/secrets") or (ROOT / path).exists(), path


def test_scaled_services_are_there() -> None:
    scaled = re.findall(r"--scale ([\w-]+)=", text("deployment.md"))
    assert scaled
    assert set(scaled) <= set(services("gpu"))


def test_volumes_are_named_as_compose_names_them() -> None:
    whole = raw()
    names = set(re.findall(rf"\b{whole['name']}_([\w-]+)", text("deployment.md")))
    assert names == {"archive"}
    assert names <= set(whole["volumes"])


def test_the_page_says_what_the_grader_may_do() -> None:
    options = [o for o in services("gpu")["grader"]["security_opt"] if "=" in o]
    assert all(f"`{option}`" in text("deployment.md") for option in options)


def test_overrides_are_yaml_of_services_that_there_are() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", text("deployment.md"), re.DOTALL)
    loaded = [yaml.safe_load(block.replace("!reset ", "")) for block in blocks]
    names = {name for block in loaded for name in block["services"]}
    assert names - set(raw()["services"]) == {"worker-mine"}
    extended = loaded[0]["services"]["worker-mine"]["extends"]
    assert extended["service"] in raw()["services"]


def test_the_table_has_every_file_of_the_folder() -> None:
    rows = set(re.findall(r"^\| `([\w./-]+)` \|", text("kubernetes.md"), re.MULTILINE))
    there = {path.name + ("/" if path.is_dir() else "") for path in DIRECTORY.iterdir()}
    assert rows | {"kustomization.yaml"} == there
